/**
 * A request as decisions see it, by proto field names (snake_case): nested messages as objects, lists as arrays, maps as
 * `Map`, bytes as `Uint8Array`.
 */
export type RequestView = Readonly<Record<string, unknown>>;

/**
 * Elements of lists that a condition of a policy looks at: one on more than these holds for no request, so that nobody makes
 * a decision cost more. Rules are about names and numbers that somebody wrote down, not about thousands of samples.
 */
export const MAX_VIEWED_ELEMENTS = 1024;

/** Bytes of a `bytes` field that a condition looks at; a longer one holds for none. Keys and digests have far fewer. */
export const MAX_VIEWED_BYTES = 1024;

/** Characters of all elements of a list together; with more it matches nothing. 64 for each of as many as are looked at. */
export const MAX_VIEWED_CHARACTERS = 65_536;
