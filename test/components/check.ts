/** Assertions, waiting, and looking through shadow roots. */

const shown = (value: unknown): string => JSON.stringify(value) ?? String(value);

export const same = (actual: unknown, expected: unknown, what = "value"): void => {
  if (shown(actual) !== shown(expected)) throw new Error(`${what}: ${shown(actual)} instead of ${shown(expected)}`);
};

export const holds = (condition: boolean, what: string): void => {
  if (!condition) throw new Error(`not so: ${what}`);
};

/** Waits until `condition` holds, checked once a frame; the runner's time limit ends a wait that never succeeds. */
export const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => requestAnimationFrame(resolve));
};

/** All elements below `root` that match, also in shadow roots. */
export const all = (root: Element | ShadowRoot, selector: string): HTMLElement[] => {
  const own = [...root.querySelectorAll<HTMLElement>("*")];
  const inShadow = root instanceof Element && root.shadowRoot !== null ? all(root.shadowRoot, selector) : [];
  return [
    ...inShadow,
    ...own.flatMap((element) => [
      ...(element.matches(selector) ? [element] : []),
      ...(element.shadowRoot === null ? [] : all(element.shadowRoot, selector)),
    ]),
  ];
};

const isVisible = (element: HTMLElement): boolean => element.checkVisibility({ visibilityProperty: true });

const isSaid = (node: Node): boolean => !(node instanceof Element && node.getAttribute("aria-hidden") === "true");

const wordsOf = (node: Node): string =>
  node.hasChildNodes()
    ? [...node.childNodes].filter(isSaid).map(wordsOf).join("")
    : node instanceof Text
      ? node.data
      : "";

const nameOf = (element: HTMLElement): string =>
  (element.getAttribute("aria-label") ?? wordsOf(element)).replace(/\s+/g, " ").trim();

/** Visible buttons, links, headings or menu items by their accessible name. */
export const named = (root: Element, selector: string, name: string): HTMLElement[] =>
  all(root, selector).filter((element) => isVisible(element) && nameOf(element) === name);

/** The only such element; throws if there is none or several. */
export const the = (root: Element, selector: string, name: string): HTMLElement => {
  const [found, ...others] = named(root, selector, name);
  if (found === undefined || others.length > 0)
    throw new Error(`${others.length + (found ? 1 : 0)} × ${selector} "${name}"`);
  return found;
};

/** The element that really has focus, inside all shadow roots. */
export const focused = (): Element | null => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement != null) element = element.shadowRoot.activeElement;
  return element;
};

/** The visible text, on one line. */
export const textOf = (root: Element): string =>
  all(root, "h1, h2, p, a, button, li, [role=status]")
    .filter(isVisible)
    .map((element) => element.textContent.replace(/\s+/g, " ").trim())
    .join(" | ");
