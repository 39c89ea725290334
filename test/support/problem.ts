import { expect } from '@jest/globals';
import { CODES, codeNumber } from '../../src/errors.ts';

/** An answer as the callers of these tests have it. */
interface ProblemAnswer {
  readonly status: number;
  readonly contentType: unknown;
  readonly body: string;
}

/** What an error must never show: a stack, a file, an address or port of the backend, a name of a part of ours. */
const SECRETS =
  /node_modules|node:internal|\bat [\w.<>]+ \(|\.(ts|js|key|crt|yaml)\b|\/(work|home|root|tmp|usr|etc|src|dist)\/|127\.0\.0\.1|\[?::1\]?|localhost:\d|ECONN|grpc-js|passband-gateway/;

/** Fails when a text shows what must stay inside. */
export function expectNoSecrets(text: string): void {
  expect(text).not.toMatch(SECRETS);
}

/** Expects a complete problem document (RFC 9457) with this status, and gives its members. */
export function expectProblem(
  { status, contentType, body }: ProblemAnswer,
  expected: { readonly status: number; readonly code?: string; readonly detail?: RegExp },
): Record<string, unknown> {
  expect({ status, body }).toMatchObject({ status: expected.status });
  expect(contentType).toBe('application/problem+json');
  const problem = JSON.parse(body) as Record<string, unknown>;
  expect(problem).toEqual({
    type: 'about:blank',
    title: expect.stringMatching(/^[A-Z][A-Za-z -]+$/),
    status: expected.status,
    detail: expect.stringMatching(/./),
    instance: expect.stringMatching(/^urn:passband:request:[A-Za-z0-9._-]+$/),
    code: expect.any(String),
    requestId: expect.stringMatching(/^[A-Za-z0-9._-]{1,64}$/),
    details: expect.any(Array),
  });
  expect(codeNumber(CODES.find((code) => code === problem.code) ?? 'OK')).toBeGreaterThan(0);
  expect(problem.instance).toBe(`urn:passband:request:${problem.requestId}`);
  if (expected.code !== undefined) expect(problem.code).toBe(expected.code);
  if (expected.detail !== undefined) expect(problem.detail).toMatch(expected.detail);
  expectNoSecrets(body);
  return problem;
}
