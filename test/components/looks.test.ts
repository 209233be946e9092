/** Every screen in every colour scheme, text direction and width: axe finds no fault, and nothing overflows. */
import { emulateMedia, setViewport } from "@web/test-runner-commands";
import "axe-core/axe.min.js";
import { all, holds, same, the, until } from "./check.ts";
import { person, screens, settled, show, stateOf } from "./scripted-room.ts";
import type { ScriptedSessionRoom } from "./scripted-room.ts";

const LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen";
const people = [
  person("a", LONG, { role: "host", verified: true, self: true }),
  ...["Ben", "Cy", "Di", "Ed"].map((name) => person(name, name)),
];

const states = {
  connecting: stateOf(screens.connecting),
  waiting: stateOf(screens.waiting),
  "waiting, host": stateOf(screens.waitingToStart, "host"),
  joined: stateOf(screens.joined, "host", { people }),
  reconnecting: stateOf(screens.joined, "host", { people, connection: "reconnecting" }),
  "joined, notices": stateOf(screens.joined, "host", {
    people,
    notices: [
      { code: "document-broken" },
      { code: "content-set-aside" },
      { code: "refused", refusal: "document-full", count: 1 },
      { code: "document-nearly-full", bytes: 95, limit: 100 },
    ],
  }),
  "left, unsaved": stateOf(screens.left, "participant", { unsaved: true }),
  left: stateOf(screens.left),
  ended: stateOf(screens.ended),
  "ended, host": stateOf({ ...screens.ended, canStart: true }, "host"),
  "ended, new run": stateOf({ ...screens.ended, canRejoin: true }),
  failed: stateOf(screens.failed),
};

/** A page as it should be around the element: with a language, a title and colours. */
const dress = (dir: "ltr" | "rtl"): void => {
  document.documentElement.lang = "en";
  document.documentElement.dir = dir;
  document.documentElement.style.colorScheme = "light dark";
  document.title = "Test";
  document.body.style.margin = "0";
};

const findings = async (): Promise<string[]> => {
  const { violations } = await axe.run(document.documentElement);
  return violations.map(({ id, help, nodes }) => `${id} (${help}): ${nodes.map(({ html }) => html).join(" ")}`);
};

const openAll = async (element: ScriptedSessionRoom): Promise<void> => {
  the(element, "button", "5 people here").click();
  await settled(element);
};

afterEach(async () => {
  await emulateMedia({ colorScheme: "light" });
  await setViewport({ width: 1000, height: 700 });
});

describe("looks", () => {
  for (const [name, state] of Object.entries(states)) {
    for (const colorScheme of ["light", "dark"] as const) {
      it(`axe finds nothing in ${name}, ${colorScheme}`, async () => {
        dress("ltr");
        await emulateMedia({ colorScheme });
        await show(state);
        same(await findings(), []);
      });
    }

    for (const dir of ["ltr", "rtl"] as const) {
      it(`${name} fits 320 px, ${dir}`, async () => {
        dress(dir);
        await setViewport({ width: 320, height: 600 });
        const element = await show(state, `heading="${LONG} ${LONG}"`);
        holds(document.documentElement.scrollWidth <= 320, `${document.documentElement.scrollWidth} px wide`);
        for (const button of all(element, "button, a").filter((one) => one.checkVisibility())) {
          const { left, right, width, height } = button.getBoundingClientRect();
          holds(left >= 0 && right <= 320, `${button.outerHTML} from ${left} to ${right}`);
          holds(width >= 44 && height >= 44, `${button.outerHTML} is ${width} × ${height}: too small for a finger`);
        }
      });
    }
  }

  it("axe finds nothing in the open list, the open menu and the dialogs", async () => {
    dress("ltr");
    for (const colorScheme of ["light", "dark"] as const) {
      await emulateMedia({ colorScheme });
      const element = await show(states.joined);
      await openAll(element);
      same(await findings(), [], "list");
      the(element, "button", "Session menu").click();
      await settled(element);
      same(await findings(), [], "menu");
      the(element, "[role=menuitem]", "Leave Session").click();
      await until(() => all(element, "dialog[open]").length === 1);
      same(await findings(), [], "leave");
      the(element, "button", "Cancel").click();
      await settled(element);
      the(element, "button", "End Session").click();
      await until(() => all(element, "dialog[open]").length === 1);
      same(await findings(), [], "end");
    }
  });

  it("the open list and the dialogs fit 320 px, in both text directions", async () => {
    await setViewport({ width: 320, height: 600 });
    for (const dir of ["ltr", "rtl"] as const) {
      dress(dir);
      const element = await show(states.joined);
      await openAll(element);
      const list = all(element, "#list")[0]!.getBoundingClientRect();
      holds(list.left >= 0 && list.right <= 320, `the list reaches from ${list.left} to ${list.right}`);
      the(element, "button", "End Session").click();
      await until(() => all(element, "dialog[open]").length === 1);
      const dialog = all(element, "dialog")[0]!.getBoundingClientRect();
      holds(dialog.left >= 0 && dialog.right <= 320, `the dialog reaches from ${dialog.left} to ${dialog.right}`);
    }
  });

  it("follows the color-scheme of the page, not of the system alone", async () => {
    dress("ltr");
    const ground = (element: Element) => getComputedStyle(element).backgroundColor;
    await emulateMedia({ colorScheme: "dark" });
    const dark = ground(await show(states.joined));
    document.documentElement.style.colorScheme = "light";
    const light = ground(await show(states.joined));
    holds(dark !== light, `dark ${dark}, light ${light}`);
  });

  it("does not move for people who prefer reduced motion", async () => {
    await emulateMedia({ reducedMotion: "reduce" });
    const element = await show(states.connecting);
    const running = () => all(element, "svg").filter((icon) => getComputedStyle(icon).animationName !== "none").length;
    same(running(), 0);
    await emulateMedia({ reducedMotion: "no-preference" });
    holds(running() > 0, "otherwise it turns");
  });
});
