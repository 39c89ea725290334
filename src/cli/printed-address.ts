/** Addresses at which this machine answers by the name that development certificates have. */
const AS_LOCALHOST: ReadonlySet<string> = new Set(['::', '0.0.0.0', '::1', '127.0.0.1', 'localhost']);

/** Where on this machine something is reached that listens on an address or a name, as it stands in a URL. */
export function addressHere(listensOn: string): string {
  if (AS_LOCALHOST.has(listensOn)) return 'localhost';
  return listensOn.includes(':') ? `[${listensOn}]` : listensOn;
}

/** One word of a POSIX shell's command line: quoted where a shell would read it as something else than itself. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
