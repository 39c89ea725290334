import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  type DocumentOptions,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  type ParseOptions,
  type SchemaOptions,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { isRecord } from '../../is-record.ts';

const NUMBER_TAGS: ReadonlySet<string> = new Set(['tag:yaml.org,2002:int', 'tag:yaml.org,2002:float']);

/** How a document is parsed that is going to be written again: numbers stay in their owner's notation, such as 1.0e+6. */
export const AS_WRITTEN: ParseOptions & DocumentOptions & SchemaOptions = {
  customTags: (tags) =>
    tags.map((tag) =>
      typeof tag === 'string' || tag.collection !== undefined || !NUMBER_TAGS.has(tag.tag)
        ? tag
        : {
            ...tag,
            stringify: (item, ...how) =>
              item.source !== undefined && Number(item.source) === item.value
                ? item.source
                : (tag.stringify?.(item, ...how) ?? String(item.value)),
          },
    ),
};

/**
 * Makes a mapping of a YAML document hold what is wanted. What holds that already stays as its owner wrote it, with its
 * comments and in its style; what is changed keeps its comments, and those of a member that goes, go with it.
 */
export function patchMap(document: Document, map: YAMLMap, wanted: Readonly<Record<string, unknown>>): void {
  for (const { key } of [...map.items]) {
    if (!Object.hasOwn(wanted, String(isScalar(key) ? key.value : key))) map.delete(key);
  }
  for (const [name, value] of Object.entries(wanted)) {
    const present = map.get(name, true);
    map.set(name, isNode(present) ? patchedNode(document, present, value) : made(document, value));
  }
}

/** A node that holds what is wanted: the same one, where that can be. */
function patchedNode(document: Document, node: Node, wanted: unknown): Node {
  if (isDeepStrictEqual(node.toJS(document), wanted)) return node;
  if (isMap(node) && isRecord(wanted)) {
    patchMap(document, node, wanted);
    return node;
  }
  if (isSeq(node) && Array.isArray(wanted)) {
    patchSeq(document, node, wanted);
    return node;
  }
  const fresh = made(document, wanted);
  fresh.comment = node.comment ?? null;
  fresh.commentBefore = node.commentBefore ?? null;
  fresh.spaceBefore = node.spaceBefore ?? false;
  // Its quotes.
  if (isScalar(node) && isScalar(fresh) && typeof node.value === typeof wanted && node.type !== undefined) {
    fresh.type = node.type;
  }
  return fresh;
}

/** Items that are wanted still keep their nodes, wherever they are now; others are changed in their place, or new. */
function patchSeq(document: Document, list: YAMLSeq, wanted: readonly unknown[]): void {
  const before = list.items.filter(isNode);
  const left = new Set(before);
  const kept = wanted.map((value) => {
    const same = [...left].find((node) => isDeepStrictEqual(node.toJS(document), value));
    if (same !== undefined) left.delete(same);
    return same;
  });
  list.items = wanted.map((value, i) => {
    const inPlace = before.length === wanted.length ? before[i] : undefined;
    const node = kept[i];
    if (node !== undefined) return node;
    return inPlace !== undefined && left.has(inPlace) ? patchedNode(document, inPlace, value) : made(document, value);
  });
}

/** A new node; what is said twice is written twice, as aliases are refused. */
function made(document: Document, value: unknown): Node {
  return document.createNode(value, { aliasDuplicateObjects: false });
}
