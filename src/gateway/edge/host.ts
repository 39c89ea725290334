import { PassbandError } from '../../errors.ts';
import type { EdgeRequest } from './peer.ts';

/**
 * Refuses an HTTP/1.1 request without a Host header or with several (RFC 9112 section 3.2): a proxy in front may have
 * gone by another one of them than we do.
 *
 * @throws PassbandError INVALID_ARGUMENT
 */
export function assertOneHost(request: EdgeRequest): void {
  // HTTP/2 has :authority, of which the protocol allows one only; HTTP/1.0 knew no Host.
  if (request.httpVersion !== '1.1') return;
  const hosts = request.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  if (hosts.length !== 1) throw new PassbandError('INVALID_ARGUMENT', 'a request needs one Host header, and no more');
}

/** A request target in origin form; servers must take the absolute form as well (RFC 9112 section 3.2.2). */
export function originForm(target: string): string {
  const rest = target.replace(/^https?:\/\/[^/?#]*/i, '');
  return rest === target || rest.startsWith('/') ? rest : `/${rest}`;
}
