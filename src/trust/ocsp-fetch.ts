/** Bytes of a response; one with a responder's certificate in it has two KiB. */
const MAX_RESPONSE_BYTES = 64 * 1024;

/** Asks a responder: its address and the request in, the response out. */
export type OcspFetch = (url: string, request: Uint8Array<ArrayBuffer>, timeoutMs: number) => Promise<Uint8Array>;

/**
 * Posts a request to an OCSP responder (RFC 6960 appendix A.1) over plain HTTP, as responders are reached: the response is
 * signed, and to verify the responder's TLS would need an answer first. Follows no redirect.
 *
 * @throws Error when there is no answer of 200 and the right type in time, or it is too large.
 */
export const fetchOcsp: OcspFetch = async (url, request, timeoutMs) => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' },
    body: request,
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  const type = response.headers.get('content-type')?.split(';')[0]?.trim();
  if (response.status !== 200 || type !== 'application/ocsp-response' || response.body === null) {
    await response.body?.cancel();
    throw new Error(`the responder answers with status ${response.status} and ${type ?? 'no content type'}`);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    // Leaving the loop cancels what is still to come.
    if (length > MAX_RESPONSE_BYTES) throw new Error(`the response is larger than ${MAX_RESPONSE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};
