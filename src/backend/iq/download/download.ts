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
import type { EndReason, FrameOrigin, ReadProgress, Tap } from '../frames/frame-origin.ts';
import { type Pump, pumpTo } from '../frames/pump.ts';
import { MessageBuffers } from '../message-buffers.ts';
import { SampleCursor, type SamplePiece } from '../ring/sample-cursor.ts';
import { samplesOf } from '../sample-length.ts';
import { archiveBody, type DownloadBody, rawBody } from './download-body.ts';
import { joinOrigin } from './download-origin.ts';
import { type DownloadRequest, type Wanted, wantedOf } from './download-request.ts';

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
  let download: Download | undefined;
  const finish = (reason: EndReason): void => pump?.end(() => endStream(call, reason));
  const tap: Tap = {
    holder: callerCn(call.metadata),
    onSamples: () => pump?.wake(),
    progress: () => download?.progress,
    onEnd: (reason) => {
      if (reason instanceof PassbandError) {
        finish(reason);
        return;
      }
      download?.finish(reason);
      pump?.wake();
    },
  };
  const { origin, index, leave } = joinOrigin(station, wanted, tap);
  call.once('close', leave);
  const opened = new Download(station, { origin, index, wanted }, (metadata) => call.sendMetadata(metadata));
  download = opened;
  const next = (): { readonly message: Buffer } | undefined => {
    try {
      const message = opened.next();
      if (message === 'done') finish('ended');
      else if (message !== undefined) return { message };
    } catch (error) {
      finish(PassbandError.from(error));
    }
    return undefined;
  };
  pump = pumpTo(call, next, ({ message }, hasLeft) => {
    if (hasLeft) opened.left(message);
  });
  pump.wake();
}

/** What a download gives, and from which sample on. */
interface DownloadPlan {
  readonly origin: FrameOrigin;
  readonly index: number;
  readonly wanted: Wanted;
}

/** One download: the parts of its body in their order. */
class Download {
  readonly #station: Station;
  readonly #origin: FrameOrigin;
  readonly #cursor: SampleCursor;
  readonly #wanted: Wanted;
  readonly #sendHeaders: (metadata: Metadata) => void;
  #body: DownloadBody | undefined;
  /** Samples that are still to come; infinite without a length. */
  #left = Number.POSITIVE_INFINITY;
  #sent = 0;
  #isOver = false;
  /** Why nothing comes beyond `#endIndex`; undefined while more may. */
  #noMore: 'stopped' | 'ended' | undefined;
  #endIndex = Number.POSITIVE_INFINITY;
  readonly #buffers = new MessageBuffers();

  constructor(station: Station, { origin, index, wanted }: DownloadPlan, sendHeaders: (metadata: Metadata) => void) {
    this.#station = station;
    this.#origin = origin;
    this.#cursor = new SampleCursor(origin, wanted.datatype, index);
    this.#wanted = wanted;
    this.#sendHeaders = sendHeaders;
  }

  get progress(): ReadProgress {
    return this.#cursor;
  }

  /** Nothing more comes: what has come is still sent. */
  finish(reason: 'stopped' | 'ended'): void {
    this.#noMore = reason;
    this.#endIndex = this.#origin.ring.head;
  }

  /** A part has left: nothing reads its message any more. */
  left(message: Buffer): void {
    this.#buffers.takeBack(message);
  }

  /** The next part, `done` behind the last, undefined while none is there. @throws PassbandError that ends the body. */
  next(): Buffer | 'done' | undefined {
    if (this.#isOver) return 'done';
    if (this.#left === 0) {
      this.#isOver = true;
      const tail = this.#body?.tail() ?? new Uint8Array();
      return tail.length === 0 ? 'done' : httpBodyBytes('', tail);
    }
    const piece = this.#peek();
    if (piece === undefined) return this.#end();
    if (this.#body !== undefined) return this.#part(this.#body, piece, '', new Uint8Array());
    this.#body = this.#begin(piece);
    const { contentType, head } = this.#body;
    return this.#part(this.#body, { ...piece, count: Math.min(piece.count, this.#left) }, contentType, head);
  }

  #peek(): SamplePiece | undefined {
    const sampleBytes = bytesPerSample(this.#wanted.datatype);
    const piece = this.#cursor.peek(Math.min(this.#left, MAX_PART_BYTES / sampleBytes));
    if (piece === undefined || piece.start >= this.#endIndex) return undefined;
    return { ...piece, count: Math.min(piece.count, this.#endIndex - piece.start) };
  }

  /** Where all that has come was sent: `done` if more cannot come and need not. @throws PassbandError where it was to. */
  #end(): 'done' | undefined {
    if (this.#noMore === undefined) return undefined;
    if (this.#left === Number.POSITIVE_INFINITY && this.#body !== undefined) return 'done';
    const why = this.#noMore === 'stopped' ? 'the station was stopped' : 'the source came to its end';
    throw new PassbandError('ABORTED', `${why} after ${this.#sent} samples of this download`);
  }

  /** Samples as a part of the body, behind what else stands there: whole multiples of 8 bytes. */
  #part(body: DownloadBody, piece: SamplePiece, contentType: string, head: Uint8Array): Buffer {
    const { hub } = this.#station;
    if (piece.overrun > 0) hub.metrics.lost('slow_reader', piece.overrun);
    body.accept(piece);
    const dataBytes = piece.count * bytesPerSample(this.#wanted.datatype);
    const fill = (target: Uint8Array): void => {
      target.set(head);
      const samples = target.subarray(head.length);
      const saturated = this.#cursor.read(piece, samples);
      if (saturated > 0) hub.metrics.saturated(saturated);
      body.wrote(samples);
    };
    const part = httpBodyPart(contentType, head.length + dataBytes, fill, (bytes) => this.#buffers.lend(bytes));
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
