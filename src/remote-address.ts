import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** How a socket for IPv6 and IPv4 tells of an IPv4 address (RFC 4291 section 2.5.5.2). */
const MAPPED = /^::ffff:(?=[0-9]+\.)/i;

/** The address of a connection's other end as people write it: an IPv4 address is one, whatever the socket is. */
export function remoteAddress(address: string | undefined): string {
  return address?.replace(MAPPED, '') ?? '';
}

/** The address of a handshake's other end. One that was refused has closed its socket, and the one below it knows. */
export function handshakeAddress(socket: TLSSocket): string {
  const below: unknown = Reflect.get(socket, '_parent');
  return remoteAddress(socket.remoteAddress ?? (below instanceof Socket ? below.remoteAddress : undefined));
}
