import { open, readFile } from 'node:fs/promises';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { PassbandError } from '../../errors.ts';
import { archiveHead, archiveTail } from '../../sigmf/archive-writer.ts';
import { endStream } from '../call-adapters.ts';
import { httpBodyBytes, httpHeaders } from '../http-body.ts';
import type { Recordings } from './recordings.ts';

/** Bytes of a file that are read and sent at once. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Sends a finished recording as a .sigmf archive, at the pace of its reader. One that is deleted meanwhile is sent to its
 * end all the same.
 *
 * @throws PassbandError NOT_FOUND, or FAILED_PRECONDITION while it is under way.
 */
export async function sendRecording(
  recordings: Recordings,
  call: ServerWritableStream<{ readonly recording_id: string }, Buffer>,
): Promise<void> {
  const { recordingId, state, bytes, startNs, sha512 } = recordings.get(call.request.recording_id);
  if (state === 'recording') {
    throw new PassbandError('FAILED_PRECONDITION', 'the recording is under way; stop it first, or wait for its end');
  }
  const { files } = recordings;
  const archive = { name: recordingId, dataBytes: bytes, modifiedS: Number(BigInt(startNs) / 1_000_000_000n) };
  // Before the data, which is then sent from one file; a handle that is opened beside another would stay open where that fails.
  const metadata = await readFile(files.metaFile(recordingId), 'utf8');
  const data = await open(files.dataFile(recordingId));
  try {
    call.sendMetadata(
      httpHeaders({
        'content-disposition': `attachment; filename="${recordingId}.sigmf"`,
        ...(sha512 === '' ? {} : { 'x-data-sha512': sha512 }),
      }),
    );
    await write(call, httpBodyBytes('application/x-tar', archiveHead(archive)));
    for (let at = 0; at < bytes && !call.cancelled; ) {
      const length = Math.min(CHUNK_BYTES, bytes - at);
      const { buffer, bytesRead } = await data.read(Buffer.allocUnsafe(length), 0, length, at);
      if (bytesRead === 0) throw new PassbandError('DATA_LOSS', 'the data of the recording is shorter than it was');
      await write(call, httpBodyBytes('', buffer.subarray(0, bytesRead)));
      at += bytesRead;
    }
    if (call.cancelled) return;
    await write(call, httpBodyBytes('', archiveTail(archive, metadata)));
    endStream(call, 'stopped');
  } finally {
    await data.close();
  }
}

/** Writes a message; resolves when the reader's flow control has taken it, or the call is over. */
function write(call: ServerWritableStream<object, Buffer>, message: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ENDS) call.off(event, done);
      resolve();
    };
    for (const event of ENDS) call.on(event, done);
    if (call.cancelled) return done();
    call.write(message, done);
  });
}

const ENDS = ['cancelled', 'error', 'close'] as const;
