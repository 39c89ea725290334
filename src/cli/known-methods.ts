import { PLATFORM_METHODS } from '../backend/door/platform-methods.ts';
import { type Descriptors, descriptorsOf } from '../descriptors.ts';
import { PassbandError, UsageError } from '../errors.ts';
import type { KnownField, KnownMethods } from '../gateway/guard/policy.ts';
import { PAGE_METHODS } from '../gateway/pages.ts';
import { parseJson } from '../gateway/routes/json-text.ts';
import { messageFromJson } from '../gateway/routes/json-to-message.ts';
import { type MessagePlan, planOf } from '../gateway/routes/plan.ts';
import { HTTP_BODY } from '../gateway/routes/request.ts';
import { entryPlan } from '../gateway/routes/wire.ts';
import type { RequestView } from '../request-view.ts';
import { sampleRatePaths } from '../sample-rate.ts';

/** What a policy may name, and requests of it as the gateway would see them. */
export interface MethodTerms extends KnownMethods {
  /**
   * A request from its JSON form, by proto field names.
   *
   * @throws UsageError when the method has no such request.
   */
  request(method: string, json: string): RequestView;
}

/** What a policy may name: the methods of the protos, those that every gRPC backend has, and the gateway's own pages. */
export function knownMethods(descriptors: Descriptors): MethodTerms {
  return {
    names: () => [...descriptors.methods.keys(), ...PLATFORM_METHODS, ...PAGE_METHODS],
    field: (name, fieldPath) => {
      const method = descriptors.methods.get(name);
      return method && leafAt(planOf(method.request), fieldPath.split('.'));
    },
    request: (name, json) => {
      const method = descriptors.methods.get(name);
      if (method === undefined) {
        if (json.trim() === '' || /^\s*\{\s*\}\s*$/.test(json)) return {};
        throw new UsageError(`${name} takes no request that a policy could look at; leave the request out`);
      }
      try {
        return messageFromJson(planOf(method.request), parseJson(json));
      } catch (error) {
        if (!(error instanceof PassbandError)) throw error;
        throw new UsageError(`the request is none of ${name}: ${error.publicMessage}`, { cause: error });
      }
    },
    sampleRates: (name) => {
      const method = descriptors.methods.get(name);
      if (method === undefined) return { request: [], hidden: false };
      return {
        request: sampleRatePaths(method.request).map((path) => path.join('.')),
        hidden: method.response.fullName === `.${HTTP_BODY}`,
      };
    },
  };
}

/** A field with a value of its own; undefined for messages, maps and what is not there. A map is its entries. */
function leafAt(plan: MessagePlan, [name, ...rest]: readonly string[]): KnownField | undefined {
  const field = plan.fields.find(({ name: known }) => known === name);
  if (field?.mapKey !== undefined) return leafAt(entryPlan(field, field.mapKey), rest);
  if (field?.kind === 'message') return leafAt(field.message(), rest);
  if (field === undefined || rest.length > 0) return undefined;
  // An empty list has no default that it could be taken for.
  const presence = field.presence || field.repeated || field.oneof !== undefined;
  if (field.enum !== undefined) return { kind: 'enum', presence, values: field.enum.byName };
  return { kind: KINDS[field.kind] ?? 'number', presence };
}

/** What a policy calls the kinds that are no numbers. */
const KINDS: Readonly<Record<string, KnownField['kind']>> = { string: 'text', bool: 'bool', bytes: 'bytes' };

/** The known methods of protos by their paths; of Passband's own where there are none. */
export async function loadKnownMethods(
  protos: readonly string[],
  includePaths: readonly string[] = [],
): Promise<MethodTerms> {
  return knownMethods(await descriptorsOf(protos, includePaths));
}
