import { PLATFORM_METHODS } from '../backend/platform-methods.ts';
import { type Descriptors, loadDescriptors, PASSBAND_PROTO } from '../descriptors.ts';
import type { KnownMethods } from '../gateway/guard/policy.ts';
import { PAGE_METHODS } from '../gateway/pages.ts';
import { type MessagePlan, planOf } from '../gateway/routes/plan.ts';

/** What a policy may name: the methods of the protos, those that every gRPC backend has, and the gateway's own pages. */
export function knownMethods(descriptors: Descriptors): KnownMethods {
  return {
    names: () => [...descriptors.methods.keys(), ...PLATFORM_METHODS, ...PAGE_METHODS],
    hasField: (name, fieldPath) => {
      const method = descriptors.methods.get(name);
      if (method === undefined) return false;
      let plan: MessagePlan | undefined = planOf(method.request);
      const parts = fieldPath.split('.');
      for (const [index, part] of parts.entries()) {
        const field: MessagePlan['fields'][number] | undefined = plan?.fields.find(({ name: known }) => known === part);
        if (field === undefined || field.repeated || field.mapKey !== undefined || field.kind === 'bytes') return false;
        const last: boolean = index === parts.length - 1;
        if (last) return field.kind !== 'message';
        plan = field.kind === 'message' ? field.message() : undefined;
      }
      return false;
    },
  };
}

/** The known methods of protos by their paths; of Passband's own where there are none. */
export async function loadKnownMethods(
  protos: readonly string[],
  includePaths: readonly string[] = [],
): Promise<KnownMethods> {
  return knownMethods(await loadDescriptors({ paths: protos.length === 0 ? [PASSBAND_PROTO] : protos, includePaths }));
}
