/**
 * A plugin that takes the source's layout out of the templates of the elements: minifiers leave template
 * literals alone, and what stands in `html` and `css` for people to read is a tenth of what pages load.
 *
 * It is exact as long as no template of ours holds a line break that means something, as in `<pre>`, in an
 * attribute or in a string of CSS: a break with the spaces around it becomes one space, which HTML and CSS
 * hold for the same. In CSS the spaces that are no separators go too, and so do comments. In HTML the quotes
 * go that an attribute of one word does without; no text of ours looks like one.
 *
 * Custom properties that are ours alone (`--_on-accent`) get the first letters of their words (`--_oa`).
 */
import { parseAst } from "vite";
import type { Plugin } from "vite";

/** The parts of a syntax tree (ESTree) that matter here; `start` and `end` are places in the text. */
type Template = {
  readonly tag: { readonly name?: string };
  readonly quasi: { readonly quasis: readonly { readonly start: number; readonly end: number }[] };
};

const longNames = new Map<string, string>();

const shorten = (property: string): string => {
  const short = property.replace(/(?<=[_-][a-z])[a-z]+|(?<=[a-z])-/g, "");
  const long = longNames.get(short) ?? property;
  if (long !== property) throw new Error(`${long} and ${property} are both ${short} in short: rename one.`);
  longNames.set(short, property);
  return short;
};

const joinLines = (text: string): string =>
  text.replace(/\s*\n\s*/g, " ").replace(/--_[a-z-]+/g, (property) => shorten(property));

const trimMarkup = (text: string): string =>
  joinLines(text.replace(/\s*\n\s*>/g, ">")).replace(/(?<=\s[\w-]+=)"([\w-]+)"(?=[\s>])/g, "$1");

const TRIMS: Readonly<Record<string, (text: string) => string>> = {
  html: trimMarkup,
  svg: trimMarkup,
  css: (text) =>
    joinLines(text.replace(/\/\*.*?\*\//gs, ""))
      // A space before a colon separates selectors, and one beside `+` or `-` belongs to `calc()`.
      .replace(/ ?([{};,]) ?/g, "$1")
      .replace(/(?<=[{;(][\w-]+:) /g, "")
      .replace(/ ([<>]=?|!) ?/g, "$1")
      .replace(/(?<=[\s:(,])0(?=\.\d)/g, "")
      .replaceAll(";}", "}")
      .trim(),
};

const templatesIn = (node: unknown): Template[] => {
  if (typeof node !== "object" || node === null) return [];
  const below = Object.values(node).flatMap(templatesIn);
  return "type" in node && node.type === "TaggedTemplateExpression" ? [node as unknown as Template, ...below] : below;
};

/** The code of a module, without types, with its templates trimmed. */
export const trimTemplates = (code: string): string => {
  const pieces = templatesIn(parseAst(code).body)
    .flatMap(({ tag, quasi }) => quasi.quasis.map((text) => ({ ...text, trim: TRIMS[tag.name ?? ""] })))
    .toSorted((a, b) => a.start - b.start);
  let trimmed = "";
  let at = 0;
  for (const { start, end, trim } of pieces) {
    if (trim === undefined) continue;
    trimmed += code.slice(at, start) + trim(code.slice(start, end));
    at = end;
  }
  return trimmed + code.slice(at);
};

export const trimOwnTemplates = (): Plugin => ({
  name: "trim-own-templates",
  enforce: "post",
  transform: {
    filter: { id: /[/]components[/][^/]+$/ },
    handler: (code) => ({ code: trimTemplates(code), map: null }),
  },
});
