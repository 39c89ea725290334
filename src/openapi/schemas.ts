import protobuf from 'protobufjs';
import type { Descriptors } from '../descriptors.ts';
import type { EnumPlan, FieldPlan, MessagePlan } from '../gateway/routes/plan.ts';
import { description, paragraphs } from './comment.ts';
import type { Schema } from './model.ts';
import {
  FLOATING_SCHEMAS,
  rangedSchema,
  SCALAR_SCHEMAS,
  SHARED_SCHEMAS,
  WELL_KNOWN_SCHEMAS,
} from './scalar-schemas.ts';

const RESERVED: ReadonlySet<string> = new Set(Object.values(SHARED_SCHEMAS));

/**
 * The schemas that a document needs, collected while its operations are written: a message or enum gets a component
 * the first time that something points to it, under its full name.
 */
export class SchemaBook {
  private readonly root: protobuf.Root;
  private readonly components = new Map<string, Schema>(Object.entries(FLOATING_SCHEMAS));

  constructor(descriptors: Descriptors) {
    this.root = descriptors.root;
  }

  /** Everything collected so far, by component name. */
  all(): Readonly<Record<string, Schema>> {
    return Object.fromEntries([...this.components].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** A pointer to a message's schema. */
  message(plan: MessagePlan): Schema {
    const wellKnown = Object.hasOwn(WELL_KNOWN_SCHEMAS, plan.fullName) ? WELL_KNOWN_SCHEMAS[plan.fullName] : undefined;
    return this.component(plan.fullName, () => wellKnown ?? this.object(plan, []));
  }

  /**
   * A message's schema without the fields that the path gives (proto names from the message down). The shared schema
   * where none is taken away, else one of its own in place.
   */
  messageWithout(plan: MessagePlan, taken: readonly (readonly string[])[]): Schema {
    return taken.length === 0 ? this.message(plan) : this.object(plan, taken);
  }

  /** A field's schema with its comment; lists and maps included. */
  field(plan: MessagePlan, field: FieldPlan): Schema {
    return this.described(plan, field, this.value(field));
  }

  /** The comment above a field in its proto. */
  fieldComment(plan: MessagePlan, field: FieldPlan): string | undefined {
    return description(this.protoField(plan, field)?.comment);
  }

  /** Whether a field is marked `deprecated`. */
  isDeprecated(plan: MessagePlan, field: FieldPlan): boolean {
    return this.protoField(plan, field)?.options?.deprecated === true;
  }

  /** A field's schema without a comment. */
  value(field: FieldPlan): Schema {
    const one = this.element(field);
    if (field.mapKey !== undefined) {
      // Keys of maps are always strings in JSON; what stands in them is the key's own text.
      const named = field.mapKey === 'string' ? {} : { propertyNames: { description: `A ${field.mapKey} as text.` } };
      return { type: 'object', ...named, additionalProperties: one };
    }
    return field.repeated ? { type: 'array', items: one } : one;
  }

  private element(field: FieldPlan): Schema {
    if (field.kind === 'message') return this.message(field.message());
    if (field.kind !== 'enum') {
      return field.range === undefined ? SCALAR_SCHEMAS[field.kind] : rangedSchema(field.kind, field.range);
    }
    return field.enum === undefined ? { type: 'string' } : this.enum(field.enum);
  }

  private enum(plan: EnumPlan): Schema {
    if (plan.fullName === 'google.protobuf.NullValue') return { type: 'null' };
    return this.component(plan.fullName, () => {
      const names = [...plan.byName.keys()];
      const type = this.root.lookup(`.${plan.fullName}`, [protobuf.Enum]);
      const comments = type instanceof protobuf.Enum ? type.comments : {};
      const lines = names.flatMap((name) => {
        const text = description(comments[name])?.replace(/\s+/g, ' ');
        return text === undefined ? [] : [`- \`${name}\`: ${text}`];
      });
      const text = paragraphs(description(type?.comment), lines.length > 0 ? lines.join('\n') : undefined);
      return { ...(text === '' ? {} : { description: text }), type: 'string', enum: names };
    });
  }

  private object(plan: MessagePlan, taken: readonly (readonly string[])[]): Schema {
    const type = this.type(plan);
    const isWhole = (path: readonly string[]): boolean => path.length === 0;
    const below = (field: FieldPlan): (readonly string[])[] =>
      taken.filter(([first]) => first === field.name).map((path) => path.slice(1));
    const left = plan.fields.filter((field) => !below(field).some(isWhole));
    const required = left.filter((field) => field.required).map(({ jsonName }) => jsonName);
    const properties = left.map((field): [string, Schema] => {
      const inner = below(field);
      const value = inner.length > 0 ? this.object(field.message(), inner) : this.value(field);
      return [field.jsonName, this.described(plan, field, value)];
    });
    const text = paragraphs(description(type?.comment), ...oneofLines(plan, taken));
    return {
      ...(text === '' ? {} : { description: text }),
      ...(type?.options?.deprecated === true ? { deprecated: true as const } : {}),
      type: 'object',
      ...(required.length > 0 ? { required } : {}),
      ...(properties.length > 0 ? { properties: Object.fromEntries(properties) } : {}),
    };
  }

  private described(plan: MessagePlan, field: FieldPlan, schema: Schema): Schema {
    const text = this.fieldComment(plan, field);
    return {
      ...schema,
      ...(text === undefined ? {} : { description: text }),
      ...(this.isDeprecated(plan, field) ? { deprecated: true as const } : {}),
    };
  }

  private component(fullName: string, make: () => Schema): Schema {
    const name = RESERVED.has(fullName) ? `${fullName}-message` : fullName;
    if (!this.components.has(name)) {
      // The place is taken before the schema is made: messages may contain themselves.
      this.components.set(name, {});
      this.components.set(name, make());
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  private type(plan: MessagePlan): protobuf.Type | undefined {
    const found = this.root.lookup(`.${plan.fullName}`, [protobuf.Type]);
    return found instanceof protobuf.Type ? found : undefined;
  }

  private protoField(plan: MessagePlan, field: FieldPlan): protobuf.Field | undefined {
    return this.type(plan)?.fieldsById[field.number];
  }
}

function oneofLines(plan: MessagePlan, taken: readonly (readonly string[])[]): string[] {
  const groups = new Map<string, string[]>();
  for (const { oneof, jsonName, name } of plan.fields) {
    const isTaken = taken.some((path) => path.length === 1 && path[0] === name);
    if (oneof === undefined || isTaken) continue;
    groups.set(oneof, [...(groups.get(oneof) ?? []), `\`${jsonName}\``]);
  }
  const choices = [...groups].filter(([, members]) => members.length > 1);
  return choices.map(([name, members]) => `At most one of ${members.join(', ')} (oneof \`${name}\`).`);
}
