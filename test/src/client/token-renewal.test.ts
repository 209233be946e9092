/** The renewal of the page's token: when the page is asked, and again when it has none. */
import { describe, expect, it } from "vitest";
import { manualClock } from "../../manual-clock.ts";
import { TokenRenewal } from "../../../src/client/token-renewal.ts";

const MINUTE_MS = 60_000;

const setUp = (answers: (string | Error)[]) => {
  const clock = manualClock();
  const used: string[] = [];
  let asked = 0;
  const getToken = async (): Promise<string> => {
    const answer = answers[asked++] ?? "again";
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const renewal = new TokenRenewal(getToken, clock, (token) => used.push(token));
  const advance = async (byMs: number): Promise<void> => {
    clock.advance(byMs);
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  return { clock, renewal, used, advance, asked: () => asked };
};

describe("the renewal of the page's token", () => {
  it("[W12] asks a minute before the token expires", async () => {
    const { renewal, used, advance } = setUp(["new"]);
    renewal.plan(60 * MINUTE_MS);
    await advance(59 * MINUTE_MS - 1);
    expect(used).toEqual([]);
    await advance(1);
    expect(used).toEqual(["new"]);
  });

  it("[W12] asks again when the page fails or gives nothing", async () => {
    const { renewal, used, advance, asked } = setUp([new Error("the server is down"), "", "new"]);
    renewal.plan(10 * MINUTE_MS);
    await advance(9 * MINUTE_MS);
    expect([asked(), used]).toEqual([1, []]);
    await advance(5_000);
    expect([asked(), used]).toEqual([2, []]);
    await advance(5_000);
    expect([asked(), used]).toEqual([3, ["new"]]);
  });

  it("asks at most once every 5 s, however soon the token expires", async () => {
    const { renewal, advance, asked } = setUp([]);
    renewal.plan(10);
    await advance(4_999);
    expect(asked()).toBe(0);
    await advance(1);
    expect(asked()).toBe(1);
  });

  it("drops a request in progress when it is stopped or planned again", async () => {
    const { clock, renewal, used, advance } = setUp(["late"]);
    const isRenewed = renewal.renew();
    renewal.stop();
    expect(await isRenewed).toBe(false);
    renewal.plan(MINUTE_MS);
    renewal.stop();
    await advance(MINUTE_MS);
    expect([used, clock.timers]).toEqual([[], 0]);
  });
});
