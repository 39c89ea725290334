import { readFileSync } from 'node:fs';

/** The file that says which Node the program needs; as far from here in dist/ as in src/. */
const MANIFEST = new URL('../../package.json', import.meta.url);

/**
 * What is wrong with the Node that runs this: without a word, one that is too old fails somewhere in the middle, in words
 * that a broken certificate could be behind. Imports nothing that an old Node does not have.
 *
 * @param version of Node, such as `v22.15.0`.
 * @returns a sentence for the operator; undefined when the version is one that package.json allows.
 */
export function nodeFault(version: string): string | undefined {
  const { engines } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { readonly engines: { readonly node: string } };
  const needed = numbersOf(engines.node);
  const [major, minor] = numbersOf(version);
  if (major > needed[0] || (major === needed[0] && minor >= needed[1])) return undefined;
  return (
    `passband needs Node ${needed.join('.')} or later; this is ${version}. Install a newer one, or, in a folder where ` +
    '`npm ci` was run, use `npx passband`, which runs on the Node that comes with it'
  );
}

/** Major and minor number of `v22.15.0` and of `>=22.15.0`. */
function numbersOf(text: string): readonly [major: number, minor: number] {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(text) ?? [];
  return [Number(major), Number(minor)];
}
