/** Characters of a request id that a caller may choose; a trace id in any usual spelling fits in. */
const MAX_REQUEST_ID_CHARACTERS = 64;
/** What it may be made of: nothing that means anything in a log. */
const REQUEST_ID = /^[A-Za-z0-9._-]+$/;

/** Whether what came as a request id may go into logs and answers. */
export function isRequestId(given: unknown): given is string {
  return typeof given === 'string' && given.length <= MAX_REQUEST_ID_CHARACTERS && REQUEST_ID.test(given);
}
