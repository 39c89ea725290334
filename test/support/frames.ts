import type { EventSourceMessage } from 'eventsource-parser';

/** An IQ frame as its server-sent event carries it. */
export interface Frame {
  /** Its number: the event's id without the epoch. */
  readonly id: number;
  /** The event's id as it came. */
  readonly eventId: string;
  readonly sampleIndex: number;
  readonly samples: number;
  /** Samples that are missing before it. */
  readonly lostSamples: number;
  readonly data: Buffer;
}

/** What `event: gap` says, ids without their epochs. */
export interface GapEvent {
  /** NaN where the ids began anew. */
  readonly lost: number;
  readonly from: number;
  readonly to: number;
}

/** The number of an id EPOCH-NUMBER. */
const numberOf = (id: string): number => Number(id.slice(id.indexOf('-') + 1));

/** The frame of an event. */
export function frameOf(event: EventSourceMessage): Frame {
  const frame = JSON.parse(event.data);
  return {
    id: numberOf(event.id ?? ''),
    eventId: event.id ?? '',
    sampleIndex: Number(frame.sampleIndex ?? 0),
    samples: frame.sampleCount,
    lostSamples: Number(frame.lostSamples ?? 0),
    data: Buffer.from(frame.data, 'base64'),
  };
}

/** Server-sent events, whoever receives them. */
export interface EventsToRead extends AsyncIterable<EventSourceMessage> {
  /** Breaks the connection off. */
  stop(): void;
}

/** Reads a stream of IQ frames, a part at a time. What is not asked for is not read from the socket. */
export class FrameReader {
  readonly frames: Frame[] = [];
  readonly gaps: GapEvent[] = [];
  /** The end event; undefined while the stream goes on. */
  end: { readonly id: string | undefined; readonly status: { readonly code: number } } | undefined;
  readonly #stream: EventsToRead;
  // Kept by hand: leaving a loop over it would close the stream.
  readonly #events: AsyncIterator<EventSourceMessage>;

  constructor(stream: EventsToRead) {
    this.#stream = stream;
    this.#events = stream[Symbol.asyncIterator]();
  }

  /** Id of the newest frame; -1 before the first. */
  get lastId(): number {
    return this.frames.at(-1)?.id ?? -1;
  }

  /** Reads on until `enough`, or to the end of the stream. */
  async until(enough: () => boolean): Promise<this> {
    while (!enough()) {
      const { done, value } = await this.#events.next();
      if (done === true) break;
      this.#take(value);
    }
    return this;
  }

  /** Breaks the connection off. */
  stop(): void {
    this.#stream.stop();
  }

  #take(event: EventSourceMessage): void {
    if (event.event === 'gap') {
      const { lost, from, to } = JSON.parse(event.data);
      this.gaps.push({ lost: lost ?? Number.NaN, from: numberOf(from), to: numberOf(to) });
    } else if (event.event === 'end') this.end = { id: event.id, status: JSON.parse(event.data) };
    else this.frames.push(frameOf(event));
  }
}

/** Reads `count` frames and breaks the connection off. */
export async function takeFrames(stream: EventsToRead, count: number): Promise<FrameReader> {
  const reader = new FrameReader(stream);
  await reader.until(() => reader.frames.length >= count);
  reader.stop();
  return reader;
}
