import { UsageError } from './errors.ts';
import { isRecord } from './is-record.ts';
import { optionList } from './proto-option.ts';

/** An HTTP binding as google.api.HttpRule states it, before its template is understood. */
export interface HttpBinding {
  /** HTTP method in upper case; of `custom`, its kind as written. */
  readonly method: string;
  /** Path template, google/api/http.proto syntax. */
  readonly path: string;
  /** `*`, the name of a request field, or empty for none. */
  readonly body: string;
  /** Name of the response field that is the HTTP body, or empty for the whole response. */
  readonly responseBody: string;
}

function isCustomPattern(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).every((key) => key === 'kind' || key === 'path');
}

const VERBS = ['get', 'put', 'post', 'delete', 'patch', 'custom'] as const;
const RULE_KEYS: ReadonlySet<string> = new Set([...VERBS, 'selector', 'body', 'response_body', 'additional_bindings']);

/**
 * The HTTP bindings of a `google.api.http` option: its own, then the additional ones.
 *
 * @throws UsageError that names the method and what google/api/http.proto does not allow.
 */
export function httpBindings(method: string, rule: unknown, nested = false): HttpBinding[] {
  if (rule === undefined) return [];
  const where = `${method}: (google.api.http)`;
  if (!isRecord(rule)) throw new UsageError(`${where} is not one message`);
  for (const key of Object.keys(rule)) {
    if (!RULE_KEYS.has(key)) throw new UsageError(`${where} has no field "${key}"`);
  }
  const given = VERBS.filter((verb) => rule[verb] !== undefined);
  const verb = given[0];
  if (verb === undefined || given.length > 1) {
    throw new UsageError(`${where} needs exactly one of ${VERBS.join(', ')}; it has ${given.join(' and ') || 'none'}`);
  }
  const text = (value: unknown, what: string): string => {
    if (value === undefined) return '';
    if (typeof value !== 'string') throw new UsageError(`${where}: ${what} must be one string`);
    return value;
  };
  const custom = rule.custom;
  if (verb === 'custom' && !isCustomPattern(custom)) {
    throw new UsageError(`${where}: custom must be one message with kind and path`);
  }
  const binding: HttpBinding = {
    method: isRecord(custom) ? text(custom.kind, 'custom.kind') : verb.toUpperCase(),
    path: isRecord(custom) ? text(custom.path, 'custom.path') : text(rule[verb], verb),
    body: text(rule.body, 'body'),
    responseBody: text(rule.response_body, 'response_body'),
  };
  const additional = optionList(rule.additional_bindings);
  if (nested && additional.length > 0) throw new UsageError(`${where}: additional_bindings must not nest`);
  return [binding, ...additional.flatMap((extra) => httpBindings(method, extra ?? null, true))];
}
