/**
 * What to hand to `listen` for an address and a port. `::`, every address, is left to Node: without a host it takes `::`
 * and, on a machine without IPv6, `0.0.0.0`, where a plain `::` would be refused.
 */
export function listenAddress(host: string, port: number): { readonly port: number; readonly host?: string } {
  return host === '::' ? { port } : { host, port };
}
