/** The revocation lists in use, by issuer. */
export interface RevocationLists {
  readonly size: number;
}
