import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { Curl } from './curl.ts';
import type { EventsToRead } from './frames.ts';

/** A stream of server-sent events by curl, read by an independent parser; resolves once the gateway has answered. */
export async function curlEvents(curl: Curl, path: string): Promise<EventsToRead> {
  const running = curl.start(path, '-H', 'accept: text/event-stream');
  // What the answer begins with.
  await running.readUntil('retry: 2000\n\n');
  const ready: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => ready.push(event) });
  async function* events(): AsyncGenerator<EventSourceMessage> {
    for (;;) {
      parser.feed(await running.readUntil('\n\n'));
      yield* ready.splice(0);
    }
  }
  return { stop: () => running.kill(), [Symbol.asyncIterator]: events };
}
