/** Characters of a pattern: far beyond any name, and matching costs at most pattern times value. */
export const MAX_PATTERN_CHARACTERS = 256;

/** Characters of a value: longer ones match no pattern. The longest thing worth a pattern is a URI. */
export const MAX_VALUE_CHARACTERS = 4096;

/**
 * Whether a value matches a pattern, exactly and case by case. `*` stands for any run of characters, also none, inside
 * one segment: it crosses neither `.` nor `/`. `**` stands for any run whatever. There is no way to quote a star.
 *
 * No regular expression is made of the pattern, and the work is bounded by pattern length times value length: a mismatch
 * goes back to the last star only. That is complete, since whatever an earlier star could still take, a later one
 * could have taken as well.
 */
export function matches(pattern: string, value: string): boolean {
  if (value.length > MAX_VALUE_CHARACTERS) return false;
  let [p, v] = [0, 0];
  // Where to go on after the last star of each kind, and up to where in the value it reaches by now.
  let [afterStar, starEnd, afterDouble, doubleEnd] = [-1, 0, -1, 0];
  while (p < pattern.length || v < value.length) {
    if (pattern.startsWith('**', p)) {
      [p, afterDouble, doubleEnd, afterStar] = [p + 2, p + 2, v, -1];
    } else if (pattern[p] === '*') {
      [p, afterStar, starEnd] = [p + 1, p + 1, v];
    } else if (p < pattern.length && pattern[p] === value[v]) {
      [p, v] = [p + 1, v + 1];
    } else if (afterStar >= 0 && starEnd < value.length && !isBoundary(value[starEnd])) {
      starEnd += 1;
      [p, v] = [afterStar, starEnd];
    } else if (afterDouble >= 0 && doubleEnd < value.length) {
      doubleEnd += 1;
      [p, v, afterStar] = [afterDouble, doubleEnd, -1];
    } else {
      return false;
    }
  }
  return true;
}

/** What `*` does not cross. */
function isBoundary(character: string | undefined): boolean {
  return character === '.' || character === '/';
}

/**
 * What is wrong with a pattern and how to right it, as "what; remedy"; undefined when nothing is.
 *
 * @param doubleStar whether `**` may stand in it, as in `uri:` subjects.
 */
export function patternFault(pattern: string, doubleStar: boolean): string | undefined {
  if (pattern === '') return 'is empty; write a name, or * for any that has neither . nor / in it';
  if (pattern.length > MAX_PATTERN_CHARACTERS) return `is longer than ${MAX_PATTERN_CHARACTERS} characters; shorten it`;
  if (/[\p{Cc}\p{Cs}]/u.test(pattern)) return 'has control characters in it; remove them';
  if (pattern.includes('***')) return 'has three stars in a row; write * (inside a segment) or, in uri: subjects, **';
  if (!doubleStar && pattern.includes('**'))
    return 'has **, which crosses segments and is for uri: subjects only; write *';
  return undefined;
}

/** A package and a service, where the service's last name may have stars, a slash, and a method that may have stars. */
const METHOD_PATTERN = /^(?:[A-Za-z_]\w*\.)*[A-Za-z_*][\w*]*\/[A-Za-z_*][\w*]*$/;

/** Like patternFault, for methods: `*`, or "package.Service/Method" with stars in Service and Method only. */
export function methodPatternFault(pattern: string): string | undefined {
  if (pattern === '*') return undefined;
  const fault = patternFault(pattern, false);
  if (fault !== undefined) return fault;
  if (METHOD_PATTERN.test(pattern)) return undefined;
  return 'is not a method; write package.Service/Method, stars only in Service and Method, or * alone for every method';
}

/** Whether a method ("package.Service/Method") is meant by a pattern; `*` alone means every method. */
export function matchesMethod(pattern: string, method: string): boolean {
  return pattern === '*' || matches(pattern, method);
}
