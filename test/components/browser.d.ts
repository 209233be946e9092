/** What the test runner and axe put into the page, as far as the tests use it. */
declare function describe(name: string, body: () => void): void;
declare function it(name: string, body: () => void | Promise<void>): void;
declare function afterEach(body: () => void | Promise<void>): void;

declare module "axe-core/axe.min.js";

declare const axe: {
  run(
    context: Element,
    options?: { rules?: Record<string, { enabled: boolean }> },
  ): Promise<{ violations: { id: string; help: string; nodes: { html: string }[] }[] }>;
};
