import type { handleServerStreamingCall, Metadata, ServerWritableStream } from '@grpc/grpc-js';
import { PassbandError } from '../../../errors.ts';
import { recordingName } from '../../../sigmf/archive-writer.ts';
import { datetimeText } from '../../../sigmf/recording-notes.ts';
import { VERSION } from '../../../version.ts';
import { endStream } from '../../call-adapters.ts';
import { callerCn } from '../../door/caller-metadata.ts';
import { httpBodyBytes, httpBodyPart, httpHeaders } from '../../http-body.ts';
import type { Station } from '../../stations/station.ts';
import type { Stations } from '../../stations/stations.ts';
import { bytesPerSample } from '../formats.ts';
import type { Tap } from '../frames/frame-origin.ts';
import { type Pump, pumpTo } from '../frames/pump.ts';
import { SampleCursor, type SamplePiece } from '../ring/sample-cursor.ts';
import { archiveBody, type DownloadBody, rawBody } from './download-body.ts';
import { joinOrigin } from './download-origin.ts';
import { type DownloadRequest, samplesOf, type Wanted, wantedOf } from './download-request.ts';

/** Bytes of samples in one message: few enough that a reader's share of memory stays small, many enough to be fast. */
const MAX_PART_BYTES = 256 * 1024;

/**
 * sdr.oran.IQStreamService.DownloadIQ. Headers go out with the first sample, so that they state its index, rate and
 * frequency, and a station that has none yet can still refuse.
 */
export function downloadIq(stations: Stations): handleServerStreamingCall<DownloadRequest, Buffer> {
  return (call) => {
    try {
      openDownload(stations.get(call.request.station_id), call);
    } catch (error) {
      endStream(call, PassbandError.from(error));
    }
  };
}

function openDownload(station: Station, call: ServerWritableStream<DownloadRequest, Buffer>): void {
  const wanted = wantedOf(call.request, station);
  let pump: Pump | undefined;
  let end = (_reason: 'stopped' | PassbandError): void => {};
  const holder = callerCn(call.metadata);
  const tap: Tap = { holder, onSamples: () => pump?.wake(), onEnd: (reason) => end(reason) };
  const { origin, index, leave } = joinOrigin(station, wanted, tap);
  call.once('close', leave);
  const cursor = new SampleCursor(origin, wanted.datatype, index);
  const download = new Download(station, cursor, wanted, (metadata) => call.sendMetadata(metadata));
  let inFlight = 0;
  let ended: 'stopped' | PassbandError | undefined;
  /** The status must not overtake what was written before it. */
  const settle = (): void => {
    if (ended !== undefined && inFlight === 0) endStream(call, ended);
  };
  const finish = (reason: 'stopped' | PassbandError): void => {
    if (ended !== undefined) return;
    ended = reason;
    pump?.stop();
    settle();
  };
  end = (reason) => finish(reason === 'stopped' ? download.stopped() : reason);
  const next = (): { readonly message: Buffer } | undefined => {
    try {
      const message = download.next();
      if (message === 'done') finish('stopped');
      else if (message !== undefined) {
        inFlight++;
        return { message };
      }
    } catch (error) {
      finish(PassbandError.from(error));
    }
    return undefined;
  };
  pump = pumpTo(call, next, () => {
    inFlight--;
    settle();
  });
  pump.wake();
}

/** One download: the parts of its body in their order. */
class Download {
  readonly #station: Station;
  readonly #cursor: SampleCursor;
  readonly #wanted: Wanted;
  readonly #sendHeaders: (metadata: Metadata) => void;
  #body: DownloadBody | undefined;
  /** Samples that are still to come; infinite without a length. */
  #left = Number.POSITIVE_INFINITY;
  #sent = 0;
  #isOver = false;

  constructor(station: Station, cursor: SampleCursor, wanted: Wanted, sendHeaders: (metadata: Metadata) => void) {
    this.#station = station;
    this.#cursor = cursor;
    this.#wanted = wanted;
    this.#sendHeaders = sendHeaders;
  }

  /** The next part, `done` behind the last, undefined while none is there. @throws PassbandError that ends the body. */
  next(): Buffer | 'done' | undefined {
    if (this.#isOver) return 'done';
    if (this.#left === 0) {
      this.#isOver = true;
      const tail = this.#body?.tail() ?? new Uint8Array();
      return tail.length === 0 ? 'done' : httpBodyBytes('', tail);
    }
    const sampleBytes = bytesPerSample(this.#wanted.datatype);
    const piece = this.#cursor.peek(Math.min(this.#left, MAX_PART_BYTES / sampleBytes));
    if (piece === undefined) return undefined;
    if (this.#body !== undefined) return this.#part(this.#body, piece, '', new Uint8Array());
    this.#body = this.#begin(piece);
    const { contentType, head } = this.#body;
    return this.#part(this.#body, { ...piece, count: Math.min(piece.count, this.#left) }, contentType, head);
  }

  /** How it ends when the station was stopped. */
  stopped(): 'stopped' | PassbandError {
    if (this.#left === Number.POSITIVE_INFINITY && this.#body !== undefined) return 'stopped';
    return new PassbandError('ABORTED', `the station was stopped after ${this.#sent} samples of this download`);
  }

  /** Samples as a part of the body, behind what else stands there: whole multiples of 8 bytes. */
  #part(body: DownloadBody, piece: SamplePiece, contentType: string, head: Uint8Array): Buffer {
    const { hub } = this.#station;
    if (piece.overrun > 0) hub.metrics.lost('slow_reader', piece.overrun);
    body.accept(piece);
    const dataBytes = piece.count * bytesPerSample(this.#wanted.datatype);
    const part = httpBodyPart(contentType, head.length + dataBytes, (target) => {
      target.set(head);
      const samples = target.subarray(head.length);
      const saturated = this.#cursor.read(piece, samples);
      if (saturated > 0) hub.metrics.saturated(saturated);
      body.wrote(samples);
    });
    this.#cursor.skip(piece);
    this.#left -= piece.count;
    this.#sent += piece.count;
    hub.metrics.sent(dataBytes);
    return part;
  }

  #begin({ run, start, ...rest }: SamplePiece): DownloadBody {
    const { datatype, length, isArchive } = this.#wanted;
    const { id, description, hub } = this.#station;
    const { sampleRateHz, centerFrequencyHz } = run;
    const startNs = run.timestampNs(start);
    const samples = samplesOf(length, sampleRateHz);
    this.#left = samples ?? Number.POSITIVE_INFINITY;
    const name = recordingName(id, startNs);
    const first = { run, start, ...rest };
    const sampleBytes = bytesPerSample(datatype);
    const archived = {
      name,
      dataBytes: (samples ?? 0) * sampleBytes,
      modifiedS: Number(startNs / 1_000_000_000n),
    };
    const facts = { datatype, bytesPerSample: sampleBytes, sampleRateHz, description, recorder: `Passband ${VERSION}` };
    const body = isArchive ? archiveBody(archived, facts, first) : rawBody(name, datatype, first);
    const headers = {
      'content-disposition': `attachment; filename="${body.fileName}"`,
      'x-sample-rate-hz': String(sampleRateHz),
      'x-center-frequency-hz': String(centerFrequencyHz),
      'x-sigmf-datatype': datatype,
      'x-first-sample-index': String(start),
      'x-first-sample-time': datetimeText(startNs),
      'x-epoch': String(hub.epoch),
    };
    this.#sendHeaders(httpHeaders(headers));
    return body;
  }
}
