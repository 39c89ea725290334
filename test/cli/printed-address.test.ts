import { expect, it, test } from '@jest/globals';
import { addressHere, shellWord } from '../../src/cli/printed-address.ts';
import { run } from '../support/run.ts';

test.each([
  ['::', 'localhost'],
  ['0.0.0.0', 'localhost'],
  ['127.0.0.1', 'localhost'],
  ['::1', 'localhost'],
  ['127.0.0.2', '127.0.0.2'],
  ['fd00::1', '[fd00::1]'],
  ['radio.example', 'radio.example'],
])('what listens on %s is reached at %s', (listensOn, address) => {
  expect(addressHere(listensOn)).toBe(address);
});

it('leaves words that a shell reads as they are', () => {
  expect(shellWord('certs/ca.crt')).toBe('certs/ca.crt');
});

const WORDS = ['', 'a b', "it's", '$HOME', '~', '*', '[::1]', '`id`', 'a\\b', '"', '#', 'ä', '&', '{a,b}', '\t'];
it('makes words that a shell gives back', async () => {
  const { stdout } = await run('bash', ['-c', `printf '%s\\n' ${WORDS.map(shellWord).join(' ')}`]);
  expect(stdout.split('\n').slice(0, -1)).toEqual(WORDS);
});
