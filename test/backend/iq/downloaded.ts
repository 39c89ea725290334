import type { ClientReadableStream, Metadata, StatusObject } from '@grpc/grpc-js';
import type { Message } from '../backend-under-test.ts';

/** What a download gave, from its headers to its end. */
export interface Downloaded {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly contentType: unknown;
  readonly body: Buffer;
  readonly code: number;
  readonly details: string;
}

/** Reads a download to its end. */
export async function downloaded(stream: ClientReadableStream<Message>): Promise<Downloaded> {
  const parts: Message[] = [];
  let headers: Readonly<Record<string, unknown>> = {};
  stream.on('metadata', (metadata: Metadata) => {
    headers = metadata.getMap();
  });
  stream.on('data', (part: Message) => parts.push(part));
  stream.on('error', () => {});
  const { code, details } = await new Promise<StatusObject>((resolve) => stream.on('status', resolve));
  const body = Buffer.concat(parts.map(({ data }) => data ?? Buffer.alloc(0)));
  return { headers, contentType: parts[0]?.content_type, body, code, details };
}
