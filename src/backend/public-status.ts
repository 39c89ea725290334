import { Metadata } from '@grpc/grpc-js';
import { type Code, codeNumber, type PassbandError } from '../errors.ts';
import { isPeerRefused } from '../peer-refused.ts';
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
const ERROR_INFO = messageType('google.rpc.ErrorInfo');

/**
 * The trailers that a status needs where its caller is a gateway, if any: with them its text reaches who called that, or
 * does not, since the fault is the gateway's own.
 */
export function statusTrailers({ code, publicMessage: message, details: given }: PassbandError): Metadata {
  const trailers = new Metadata();
  const details = given.filter(isPeerRefused).map((info) => anyOf(info['@type'], ERROR_INFO.serialize(info)));
  if (ALSO_OF_TRANSPORTS.has(code)) {
    const value = LOCALIZED_MESSAGE.serialize({ locale: 'en', message });
    details.push(anyOf('type.googleapis.com/google.rpc.LocalizedMessage', value));
  }
  if (details.length === 0) return trailers;
  trailers.set(STATUS_TRAILER, STATUS.serialize({ code: codeNumber(code), message, details }));
  return trailers;
}

/** A google.protobuf.Any as proto-loader takes one. */
function anyOf(typeUrl: string, value: Buffer): { readonly type_url: string; readonly value: Buffer } {
  return { type_url: typeUrl, value };
}
