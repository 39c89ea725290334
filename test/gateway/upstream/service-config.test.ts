import { describe, expect, it } from '@jest/globals';
import type { Descriptors, MethodDescriptor } from '../../../src/descriptors.ts';
import { loadDescriptors, PASSBAND_PROTO } from '../../../src/descriptors.ts';
import { serviceConfig } from '../../../src/gateway/upstream/service-config.ts';

interface Config {
  readonly loadBalancingConfig: unknown;
  readonly methodConfig?: readonly {
    readonly name: readonly { readonly service: string; readonly method: string }[];
    readonly retryPolicy: Readonly<Record<string, unknown>>;
  }[];
}

const retried = (descriptors: Descriptors): string[] =>
  ((serviceConfig(descriptors) as Config).methodConfig ?? [])
    .flatMap(({ name }) => name)
    .map(({ service, method }) => `${service}/${method}`)
    .sort();

/** Descriptors that differ in nothing but what the service config looks at. */
function withMethods(...methods: readonly Partial<MethodDescriptor>[]): Descriptors {
  const entries = methods.map((method, index) => {
    const shortName = `M${index}`;
    return [`s.S/${shortName}`, { service: 's.S', shortName, ...method } as MethodDescriptor] as const;
  });
  return { methods: new Map(entries) } as unknown as Descriptors;
}

describe('the service config', () => {
  it('retries the reads of Passband’s own protos, and nothing that changes a station', async () => {
    const methods = retried(await loadDescriptors({ paths: [PASSBAND_PROTO] }));
    expect(methods).toEqual([
      'sdr.oran.AntennaControlService/GetAntennaStatus',
      'sdr.oran.AntennaControlService/ListPasses',
      'sdr.oran.IQStreamService/DownloadIQ',
      'sdr.oran.IQStreamService/GetStreamStats',
      'sdr.oran.IQStreamService/SubscribeIQ',
      'sdr.oran.SpectrumMonitorService/GetSpectrum',
      'sdr.oran.SpectrumMonitorService/StreamSpectrum',
      'sdr.oran.StationService/GetStation',
      'sdr.oran.StationService/ListStations',
      'sdr.oran.recording.v1.RecordingService/DownloadRecording',
      'sdr.oran.recording.v1.RecordingService/GetRecording',
      'sdr.oran.recording.v1.RecordingService/ListRecordings',
    ]);
  });

  it('retries UNAVAILABLE only, and within the bounds of gRFC A6', () => {
    const config = serviceConfig(withMethods({ idempotent: true, clientStreaming: false })) as Config;
    expect(config.loadBalancingConfig).toEqual([{ round_robin: {} }]);
    expect(config.methodConfig?.[0]?.retryPolicy).toMatchObject({ retryableStatusCodes: ['UNAVAILABLE'] });
    expect(config.methodConfig?.[0]?.retryPolicy.maxAttempts).toBeLessThanOrEqual(5);
  });

  it('leaves out what may not be repeated, and streams of requests', () => {
    expect(
      retried(
        withMethods(
          { idempotent: false, clientStreaming: false },
          { idempotent: true, clientStreaming: true },
          { idempotent: true, clientStreaming: false },
        ),
      ),
    ).toEqual(['s.S/M2']);
  });

  it('has no retry policy where nothing may be repeated: one without names would hold for every method', () => {
    expect(serviceConfig(withMethods({ idempotent: false }))).not.toHaveProperty('methodConfig');
  });
});
