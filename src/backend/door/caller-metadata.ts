import type { Metadata } from '@grpc/grpc-js';

/** Metadata in which the guard of calls tells a handler who calls; whatever a caller sent under this name is replaced. */
const CALLER_METADATA = 'x-passband-caller';

/** Notes the common name of a call's verified caller. */
export function noteCaller(metadata: Metadata, cn: string): void {
  metadata.set(CALLER_METADATA, encodeURIComponent(cn));
}

/** The common name of the verified caller of a call that passed the guard. */
export function callerCn(metadata: Metadata): string {
  const [noted] = metadata.get(CALLER_METADATA);
  if (typeof noted !== 'string') throw new Error('the call has not passed the guard');
  return decodeURIComponent(noted);
}
