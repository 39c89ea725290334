/**
 * gRPC metadata in which a gateway tells the backend on whose behalf it calls, as identityToJson writes it. The gateway sets
 * it, whatever its caller sent; the backend believes it from a delegate and from nobody else.
 */
export const IDENTITY_METADATA = 'x-passband-identity';
