import { expect, it } from '@jest/globals';
import { type EventPosition, eventId, positionOf } from '../../../src/gateway/writers/event-id.ts';

it.each<readonly [EventPosition, string]>([
  [{ epoch: undefined, id: '5' }, '5'],
  [{ epoch: '1767225600000', id: '5' }, '1767225600000-5'],
  [{ epoch: 'aB9', id: '-5' }, 'aB9--5'],
  [{ epoch: '0', id: 'a-b\n' }, '0-a-b\n'],
])('%j is the id %j, and back', (position, id) => {
  expect(eventId(position)).toBe(id);
  expect(positionOf(id)).toEqual(position);
});

it.each(['5', '-5', '', '5-', '!end', 'a_b-5', `${'a'.repeat(65)}-5`, 'ä-5'])('%j names no epoch', (id) => {
  expect(positionOf(id)).toEqual({ epoch: undefined, id });
});

it.each(['', '-', 'a-b', 'a b', '\n', 'ä', 'a'.repeat(65)])('an epoch %j is refused', (epoch) => {
  expect(() => eventId({ epoch, id: '5' })).toThrow('the epoch of a message must be 1 to 64 letters and digits');
});
