/** Who is mentioned in a text, by the platform's own rules (`platform/rules/mentions.py`). */

/** Those of `people` whose `@handle` or `@name` stands in the text, in the order of the text. */
export function mentionedIn(text, people) {
  const spellings = people.flatMap((one) =>
    [one.handle, one.name].filter(Boolean).map((spelt) => [spelt.toLowerCase(), one]),
  );
  spellings.sort(([one], [other]) => other.length - one.length);
  const found = new Set();
  const folded = text.toLowerCase();
  for (let at = folded.indexOf("@"); at >= 0; at = folded.indexOf("@", at + 1)) {
    const hit = spellings.find(([spelt]) => standsAt(folded, at + 1, spelt));
    if (hit) found.add(hit[1]);
  }
  return [...found];
}

/** The beginning of a mention right before the cursor, null if there is none. */
export function begunAt(text, cursor) {
  const match = /(^|[\s(,])@([^\s@]{0,60})$/.exec(text.slice(0, cursor));
  return match ? { from: cursor - match[2].length - 1, wanted: match[2].toLowerCase() } : null;
}

/** `@al` does not stand in `@alice`, but in `@al.` and `@al's`. */
function standsAt(folded, start, spelt) {
  if (!folded.startsWith(spelt, start)) return false;
  const [next, after] = [...folded.slice(start + spelt.length, start + spelt.length + 4)];
  if (next === undefined || !/[\p{L}\p{N}_\-/.]/u.test(next)) return true;
  return /[-/.]/.test(next) && !(after && /[\p{L}\p{N}]/u.test(after));
}
