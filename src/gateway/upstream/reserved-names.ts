/** Steer gRPC or HTTP, or the proxies and meshes behind the gateway; RFC 9110 section 7.6.1 and gRPC over HTTP/2. */
const TRANSPORT =
  /^(:|grpc-|x-passband-|x-envoy-|x-istio-|l5d-|proxy-|content-)|^(host|te|trailer|transfer-encoding|connection|keep-alive|upgrade|via|user-agent|x-request-id)$/;

/**
 * Words that proxies, meshes and frameworks use in the headers by which they tell an application who calls, from where and
 * with which rights: the families of `X-Remote-User`, `X-Auth-Request-Email`, `X-Forwarded-Client-Cert`, `X-SSL-Client-S-DN`,
 * `X-Goog-Authenticated-User-Id`, `X-Amzn-Oidc-Identity`, `X-Consumer-Username`, `True-Client-IP`, `Impersonate-Group`.
 */
const CLAIMS = [
  // Who.
  /user[a-z]*|uid|login|accounts?|e?mail|subject|sub|principal|identity|caller|consumer|peer|client[a-z]*|impersonate/,
  // By what.
  /auth[nz]?|authoriz[a-z]*|authenticat[a-z]*|authentik|authelia|webauth|oauth2?|oidc|saml|sso|jwt|bearer|tokens?|assertion/,
  /claims?|credentials?|password|passwd|secret|cookies?|apikey|cert[a-z]*|m?tls|ssl|dn|cn|san|spiffe|svid/,
  // From where.
  /forwarded|remote[a-z]*|ip|addr|address/,
  // With which rights.
  /roles?|groups?|scopes?|permissions?/,
];
const CLAIM = new RegExp(`(^|-)(${CLAIMS.map(({ source }) => source).join('|')})(-|$)|(^|-)api-key(-|$)|^from$`);

/**
 * Whether a name of metadata is kept from callers, since it steers the transport or may be read as the identity, address or
 * rights of one. `_` and `.` count as `-`, as they do for servers that make variables of headers.
 *
 * @param name lower case.
 */
export function isReservedName(name: string): boolean {
  const words = name.replace(/[_.]/g, '-');
  return TRANSPORT.test(words) || CLAIM.test(words);
}
