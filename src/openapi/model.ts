/**
 * The part of OpenAPI 3.1.1 that Passband writes. Members are named as the specification names them; schemas are JSON
 * Schema 2020-12.
 */

/** A pointer to a shared component; `description` beside it is allowed since 3.1. */
export interface Reference {
  readonly $ref: string;
  readonly description?: string;
}

/** A JSON Schema. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly description?: string;
  readonly deprecated?: true;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly contentEncoding?: string;
  readonly const?: number;
  readonly enum?: readonly string[];
  readonly default?: string;
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: Schema;
  readonly additionalProperties?: Schema | boolean;
  /** Unit of a number. */
  readonly 'x-unit'?: string;
  /** Bounds of an integer of 64 bits: it is a string, which `minimum` and `maximum` are not for. */
  readonly 'x-minimum'?: string;
  readonly 'x-maximum'?: string;
  /** Limits that move, in words, such as `at most 5 s after now`. */
  readonly 'x-limits'?: string;
}

/** One parameter of a path, query or header. */
export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description?: string;
  readonly required?: true;
  readonly deprecated?: true;
  readonly style?: 'form';
  readonly explode?: true;
  readonly schema: Schema;
}

/** What one media type carries. */
export interface MediaType {
  readonly schema: Schema;
  /** The schema of one message of a stream: what OpenAPI 3.2 calls `itemSchema`; 3.1 has no word for it. */
  readonly 'x-itemSchema'?: Schema;
}

/** Bodies by media type. */
export type Content = Readonly<Record<string, MediaType>>;

/** The body of a request. */
export interface RequestBody {
  readonly description?: string;
  readonly required?: true;
  readonly content: Content;
}

/** One header of an answer. */
export interface Header {
  readonly description: string;
  readonly schema: Schema;
}

/** One answer. */
export interface Response {
  readonly description: string;
  readonly headers?: Readonly<Record<string, Header | Reference>>;
  readonly content?: Content;
}

/** One RPC under one of its HTTP bindings, or one of the gateway's own pages. */
export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly deprecated?: true;
  /** `package.Service/Method`, as policies, logs and metrics call it; absent on the gateway's own pages. */
  readonly 'x-grpc-method'?: string;
  readonly parameters?: readonly (Parameter | Reference)[];
  readonly requestBody?: RequestBody;
  readonly responses: Readonly<Record<string, Response | Reference>>;
}

/** The HTTP methods that OpenAPI 3.1 knows, in the order in which documents list them. */
export const OPENAPI_METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const;

/** One of the HTTP methods that OpenAPI 3.1 knows. */
export type OpenApiMethod = (typeof OPENAPI_METHODS)[number];

/** The operations of one path. */
export type PathItem = Readonly<Partial<Record<OpenApiMethod, Operation>>> & {
  /** Operations under methods that OpenAPI 3.1 has no member for, by method: `additionalOperations` of OpenAPI 3.2. */
  readonly 'x-additionalOperations'?: Readonly<Record<string, Operation>>;
};

/** A group of operations: a service. */
export interface Tag {
  readonly name: string;
  readonly description?: string;
}

/** A whole document. Plain data: JSON.stringify and YAML writers take it as it is. */
export interface OpenApiDocument {
  readonly openapi: '3.1.1';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers?: readonly { readonly url: string }[];
  readonly security: readonly { readonly mutualTLS: readonly string[] }[];
  readonly tags: readonly Tag[];
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly parameters: Readonly<Record<string, Parameter>>;
    readonly headers: Readonly<Record<string, Header>>;
    readonly responses: Readonly<Record<string, Response>>;
    readonly securitySchemes: { readonly mutualTLS: { readonly type: 'mutualTLS'; readonly description: string } };
  };
}

/** Every operation of a path item with its HTTP method in upper case (a method of a custom binding as it is written). */
export function operationsOf(item: PathItem): readonly (readonly [string, Operation])[] {
  const known = OPENAPI_METHODS.flatMap((method): (readonly [string, Operation])[] => {
    const operation = item[method];
    return operation === undefined ? [] : [[method.toUpperCase(), operation]];
  });
  return [...known, ...Object.entries(item['x-additionalOperations'] ?? {})];
}
