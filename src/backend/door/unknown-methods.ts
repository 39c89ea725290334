import type { Server, ServerDuplexStream, ServerMethodDefinition } from '@grpc/grpc-js';
import { PassbandError } from '../../errors.ts';
import { statusError } from '../call-adapters.ts';

/** Characters of the name of an unknown method that are told on: no method of ours has so many. */
const MAX_PATH_CHARACTERS = 256;

/** Messages of such a call are never looked at. By this reader it is known for one. */
const unread = (): object => ({});

/** Whether a call is of a method that the server does not have. */
export function isUnknown(method: Pick<ServerMethodDefinition<unknown, unknown>, 'requestDeserialize'>): boolean {
  return method.requestDeserialize === unread;
}

/**
 * Makes a gRPC server treat calls of methods that it does not have like all others: they pass its interceptors, and are
 * answered UNIMPLEMENTED after that. By itself grpc-js answers them before, so that anybody could find out which methods
 * there are, and nobody would know of it. Were its handlers no longer where they are, a test would say so.
 */
export function guardUnknownMethods(server: Server): void {
  const handlers: unknown = Reflect.get(server, 'handlers');
  if (!(handlers instanceof Map)) throw new Error('the gRPC server keeps its handlers elsewhere');
  const known = handlers.get.bind(handlers);
  handlers.get = (path: unknown) => known(path) ?? unknownMethod(typeof path === 'string' ? path : '');
}

/** As grpc-js keeps a handler. */
function unknownMethod(path: string): object {
  return {
    path: path.slice(0, MAX_PATH_CHARACTERS),
    type: 'bidi',
    serialize: () => Buffer.alloc(0),
    deserialize: unread,
    func: (call: ServerDuplexStream<object, object>) => {
      call.emit('error', statusError(new PassbandError('UNIMPLEMENTED', 'there is no such method here')));
    },
  };
}
