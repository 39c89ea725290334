/**
 * What a backend may ask for: how a body is called, and facts about it under names of its own. Everything else steers
 * caches, browsers or proxies, and is the gateway's.
 */
const ALLOWED = /^(content-disposition|x-[a-z0-9]+(-[a-z0-9]+)*)$/;

/** Words to proxies: nginx and others fetch files by these. */
const STEERS_PROXIES =
  /^x-(accel|sendfile|lighttpd|litespeed|envoy|forwarded|original|rewrite|http-method|proxy|passband)/;

/** Whether a backend may ask for a response header of this name, in lower case. */
export function isResponseHeaderName(name: string): boolean {
  return ALLOWED.test(name) && !STEERS_PROXIES.test(name);
}
