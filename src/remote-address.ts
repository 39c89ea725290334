/** How a socket for IPv6 and IPv4 tells of an IPv4 address (RFC 4291 section 2.5.5.2). */
const MAPPED = /^::ffff:(?=[0-9]+\.)/i;

/** The address of a connection's other end as people write it: an IPv4 address is one, whatever the socket is. */
export function remoteAddress(address: string | undefined): string {
  return address?.replace(MAPPED, '') ?? '';
}
