import { Metadata } from '@grpc/grpc-js';
import { type Code, codeNumber, type PassbandError } from '../errors.ts';
import { messageType } from './protos.ts';

/**
 * Codes that transports report as well, with addresses in their text: a gateway hides the text of these, unless the service
 * says by a google.rpc.LocalizedMessage that it is meant for the caller.
 */
const ALSO_OF_TRANSPORTS: ReadonlySet<Code> = new Set(['UNAVAILABLE', 'DATA_LOSS', 'DEADLINE_EXCEEDED', 'CANCELLED']);

/** Trailers of a google.rpc.Status in its binary form. */
const STATUS_TRAILER = 'grpc-status-details-bin';

const STATUS = messageType('google.rpc.Status');
const LOCALIZED_MESSAGE = messageType('google.rpc.LocalizedMessage');

/** The trailers with which a status's text reaches the caller of a gateway, where it needs any. */
export function statusTrailers({ code, publicMessage: message }: PassbandError): Metadata {
  const trailers = new Metadata();
  if (!ALSO_OF_TRANSPORTS.has(code)) return trailers;
  const value = LOCALIZED_MESSAGE.serialize({ locale: 'en', message });
  const detail = { type_url: 'type.googleapis.com/google.rpc.LocalizedMessage', value };
  trailers.set(STATUS_TRAILER, STATUS.serialize({ code: codeNumber(code), message, details: [detail] }));
  return trailers;
}
