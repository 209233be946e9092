/** The upper bar: menu, confirmations, and who is here. */
import { sendKeys } from "@web/test-runner-commands";
import { RoomError } from "../../src/client/room-state.ts";
import { all, focused, holds, named, same, textOf, the, until } from "./check.ts";
import { ANN, BEN, change, person, screens, settled, show, stateOf } from "./scripted-room.ts";
import type { ScriptedSessionRoom } from "./scripted-room.ts";

const press = (key: string) => sendKeys({ press: key });

const menuButton = (element: ScriptedSessionRoom) => the(element, "button", "Session menu");
const leaveItem = (element: ScriptedSessionRoom) => named(element, "[role=menuitem]", "Leave Session");
const dialogOf = (element: ScriptedSessionRoom) => all(element, "dialog")[0] as HTMLDialogElement;

const askToLeave = async (element: ScriptedSessionRoom): Promise<void> => {
  menuButton(element).click();
  await until(() => leaveItem(element).length === 1);
  leaveItem(element)[0]!.click();
  await until(() => dialogOf(element).open);
};

const askToEnd = async (element: ScriptedSessionRoom): Promise<void> => {
  const button = the(element, "button", "End Session");
  button.focus();
  button.click();
  await until(() => dialogOf(element).open);
};

describe("the menu", () => {
  it("[U1] opens by click, and by Enter, Space and the arrows, with focus on its item", async () => {
    const element = await show(stateOf(screens.joined));
    const button = menuButton(element);
    same([button.getAttribute("aria-haspopup"), button.getAttribute("aria-expanded")], ["menu", "false"]);
    for (const key of ["click", "Enter", "Space", "ArrowDown", "ArrowUp"]) {
      button.focus();
      if (key === "click") button.click();
      else await press(key);
      await until(() => leaveItem(element).length === 1 && focused() === leaveItem(element)[0]);
      same(button.getAttribute("aria-expanded"), "true", key);
      await press("Escape");
      await until(() => leaveItem(element).length === 0);
      same(focused() === button, true, `focus returns after ${key}`);
    }
  });

  it("[U1] arrows, Home and End stay on its items", async () => {
    const element = await show(stateOf(screens.joined));
    menuButton(element).focus();
    await press("Enter");
    for (const key of ["ArrowDown", "ArrowUp", "Home", "End"]) {
      await press(key);
      same(focused() === leaveItem(element)[0], true, key);
    }
  });

  it("[U1] a click outside and Tab close it", async () => {
    const element = await show(stateOf(screens.joined));
    menuButton(element).click();
    await until(() => leaveItem(element).length === 1);
    document.body.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, composed: true }));
    await until(() => leaveItem(element).length === 0);
    menuButton(element).click();
    await until(() => focused() === leaveItem(element)[0]);
    await press("Tab");
    await until(() => leaveItem(element).length === 0);
    same(element.client.calls, ["join"]);
  });

  it("[U1] is at the end of the bar, also in right-to-left text", async () => {
    for (const dir of ["ltr", "rtl"]) {
      const element = await show(stateOf(screens.joined, "host"), `dir="${dir}"`);
      const room = element.getBoundingClientRect();
      const [menu, end] = [menuButton(element), the(element, "button", "End Session")].map((b) =>
        b.getBoundingClientRect(),
      );
      const gap = dir === "ltr" ? room.right - menu!.right : menu!.left - room.left;
      holds(gap >= 0 && gap < 16, `${dir}: ${gap} px from the end`);
      const between = dir === "ltr" ? menu!.left - end!.right : end!.left - menu!.right;
      holds(between >= 0 && between < 16, `${dir}: End Session is ${between} px beside it`);
    }
  });
});

describe("the confirmations", () => {
  it("[U1] Cancel and Escape change nothing and return focus", async () => {
    const element = await show(stateOf(screens.joined));
    for (const way of ["Cancel", "Escape"]) {
      await askToLeave(element);
      same(focused() === the(element, "button", "Cancel"), true, "the harmless button has focus");
      if (way === "Cancel") the(element, "button", "Cancel").click();
      else await press("Escape");
      await until(() => !dialogOf(element).open);
      same(focused() === menuButton(element), true, `focus returns after ${way}`);
    }
    same(element.client.calls, ["join"]);
    holds(document.querySelector("#content")!.checkVisibility(), "the content still shows");
  });

  it("[U1] Session menu, Leave Session, Yes leaves", async () => {
    const element = await show(stateOf(screens.joined));
    await askToLeave(element);
    same(dialogOf(element).getAttribute("role"), "alertdialog");
    the(element, "button", "Yes").click();
    same(element.client.calls, ["join", "leave"]);
    await change(element, stateOf(screens.left));
    element.client.answer("leave");
    await until(() => focused() === the(element, "h2", "You have left the session"));
    same(dialogOf(element).open, false);
  });

  it("[U4] End Session asks a host with Yes, End Session and Cancel", async () => {
    const element = await show(stateOf(screens.joined, "host"));
    await askToEnd(element);
    the(element, "button", "Cancel").click();
    await until(() => !dialogOf(element).open);
    same(focused() === the(element, "button", "End Session"), true, "focus returns");
    await askToEnd(element);
    the(element, "button", "Yes, End Session").click();
    same(element.client.calls, ["join", "end"]);
  });

  it("[U4] a participant has no End Session", async () => {
    const element = await show(stateOf(screens.joined));
    same(named(element, "button", "End Session").length, 0);
  });

  it("a dialog is busy until the action is answered, and shows a refusal", async () => {
    const element = await show(stateOf(screens.joined, "host"));
    await askToEnd(element);
    const yes = the(element, "button", "Yes, End Session");
    yes.click();
    await settled(element);
    same(dialogOf(element).getAttribute("aria-busy"), "true");
    yes.click();
    same(element.client.calls, ["join", "end"], "a second press");
    the(element, "button", "Cancel").click();
    // Chromium lets a page refuse Escape only after the person has acted in it.
    await press("Tab");
    await press("Escape");
    same(dialogOf(element).open, true, "what has been asked cannot be taken back");
    const messages: string[] = [];
    element.addEventListener("session-room-error", (event) => messages.push(event.error.message));
    element.client.answer("end", new RoomError("disconnected", "The connection broke."));
    await until(() => textOf(element).includes("The connection broke."));
    same(messages, ["The connection broke."]);
    same(dialogOf(element).open, true);
    the(element, "button", "Cancel").click();
    await until(() => !dialogOf(element).open);
    await askToEnd(element);
    holds(!textOf(element).includes("The connection broke."), "asked again, the old error is gone");
  });

  it("[U5] an end by somebody else closes the dialog and moves focus to the ended screen", async () => {
    const element = await show(stateOf(screens.joined));
    await askToLeave(element);
    await change(element, stateOf(screens.ended));
    await until(() => !dialogOf(element).open && focused() === the(element, "h2", "The session has ended"));
  });
});

describe("who is here", () => {
  it("lists people with their roles and verified names, and marks the person at this page", async () => {
    const element = await show(stateOf(screens.joined));
    const button = the(element, "button", "2 people here");
    button.click();
    await settled(element);
    same(button.getAttribute("aria-expanded"), "true");
    const rows = all(element, "li").map((row) =>
      [...row.querySelectorAll(":scope > bdi, .you, .badge, .verified .visually-hidden")].map(
        (part) => part.textContent,
      ),
    );
    same(rows, [
      ["Ann Lee", "Verified name", "Host"],
      ["Ben", "You"],
    ]);
    await press("Escape");
    await settled(element);
    same([button.getAttribute("aria-expanded"), focused() === button], ["false", true]);
  });

  it("counts one person as one", async () => {
    const element = await show(stateOf(screens.joined, "participant", { people: [{ ...BEN, self: true }] }));
    the(element, "button", "1 person here");
  });

  it("[P6] shows names as text only", async () => {
    const people = [ANN, person("x", "<b>Eve</b><img src=x onerror=alert(1)>")];
    const element = await show(stateOf(screens.joined, "participant", { people }));
    the(element, "button", "2 people here").click();
    await settled(element);
    holds(textOf(element).includes("<b>Eve</b><img src=x onerror=alert(1)>"), "the name is text");
    same(all(element, "b, img").length, 0);
  });

  it("people, menu and End Session show only in the session", async () => {
    for (const screen of [screens.connecting, screens.waiting, screens.left, screens.ended, screens.failed]) {
      const element = await show(stateOf(screen, "host"));
      same(all(element, "session-people, session-menu, .end").length, 0, screen.name);
    }
  });
});
