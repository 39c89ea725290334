import { describe, expect, it } from '@jest/globals';
import { resolveConfig } from '../src/config.ts';
import { blocksOf, documentText } from './docs/markdown.ts';

/** What a line of the last stage of the Dockerfile says, with lines that go on joined. */
function instruction(name: string): string {
  const [stage = ''] = documentText('Dockerfile')
    .split(/^FROM /m)
    .slice(-1);
  return new RegExp(`^${name} (.*)$`, 'm').exec(stage.replaceAll('\\\n', ' '))?.[1] ?? '';
}

/** Settings as the image's environment makes them. */
const config = resolveConfig('up', {
  flags: {},
  environment: Object.fromEntries(
    instruction('ENV')
      .split(' ')
      .map((pair) => pair.split('=')),
  ),
  file: undefined,
});

// The program runs as a user who can write nowhere else, and a container's own files end with it.
describe.each([
  ['certificates', config.certs],
  ['stations and recordings', config.data],
])('the folder of %s, %s,', (_name, folder) => {
  it('is made for the user of the image', () => {
    const [, owner, folders = ''] = /install -d -o (\S+) -g \S+ -m 0700 (\/[^&]*)/.exec(instruction('RUN')) ?? [];
    expect(owner).toBe(instruction('USER'));
    expect(folders.trim().split(' ')).toContain(folder);
  });

  it('is a volume', () => {
    expect(JSON.parse(instruction('VOLUME'))).toContain(folder);
  });

  it('is kept by the command of README.md', () => {
    const runs = blocksOf(documentText('README.md'))
      .flatMap(({ text }) => text.split('\n'))
      .filter((line) => line.startsWith('docker run') && line.includes('-p '));
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatch(new RegExp(` -v [a-z-]+:${folder} `));
  });
});
