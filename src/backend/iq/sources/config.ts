import type { Datatype } from '../formats.ts';
import type { SimConfig } from './sim-scene.ts';
import type { Tuning } from './source.ts';

/** A recording that is played. */
export interface SigmfConfig {
  /** Path of X.sigmf-meta or of an archive X.sigmf. */
  readonly file: string;
  /** Begin again at the end; true unless told. */
  readonly loop?: boolean;
  /** How much faster than it was recorded; 1 unless told. */
  readonly speed?: number;
}

/** A client of an rtl_tcp server. */
export interface RtlTcpConfig extends Tuning {
  readonly host: string;
  readonly port: number;
  /** Gain in dB; the receiver's own control unless told. */
  readonly gainDb?: number;
  /** Correction of the oscillator, parts per million. */
  readonly frequencyCorrectionPpm?: number;
}

/** A subscriber of a GNU Radio ZeroMQ PUB sink. */
export interface ZmqConfig extends Tuning {
  /** Such as `tcp://127.0.0.1:5555`. */
  readonly endpoint: string;
  readonly datatype: Datatype;
  /** Whether the sink passes tags. */
  readonly tags: boolean;
}

/** Samples that a remote producer pushes; the tuning is what it is until a batch says otherwise. */
export interface PushConfig extends Tuning {
  readonly datatype: Datatype;
}

/** Where a station's samples come from. */
export type SourceConfig =
  | ({ readonly kind: 'sim' } & SimConfig)
  | ({ readonly kind: 'sigmf' } & SigmfConfig)
  | ({ readonly kind: 'rtl_tcp' } & RtlTcpConfig)
  | ({ readonly kind: 'zmq' } & ZmqConfig)
  | ({ readonly kind: 'push' } & PushConfig);
