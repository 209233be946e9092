/** What the build takes out of the elements' templates, and what it must leave. */
import { describe, expect, it } from "vitest";
import { trimTemplates } from "../../examples/trim-templates.ts";

describe("trimming templates", () => {
  it("makes one space of a line break in html and svg, also around expressions and in what they hold", () => {
    const code = "a = html` <p\n    class=${x}\n  >\n  Two  words\n ${y ? html`<b>\n</b>` : svg`<g>\n</g>`}\n</p>`";
    expect(trimTemplates(code)).toBe("a = html` <p class=${x}> Two  words ${y ? html`<b> </b>` : svg`<g> </g>`} </p>`");
  });

  it("takes the quotes from an attribute of one word, and from no other", () => {
    const code = 'html`<p class="a" id="b-1"><i title="two words" class="c ${d}" lang="${e}" alt=""></i></p>`';
    expect(trimTemplates(code)).toBe(
      'html`<p class=a id=b-1><i title="two words" class="c ${d}" lang="${e}" alt=""></i></p>`',
    );
  });

  it("shortens the custom properties that are ours alone, everywhere to the same", () => {
    const code =
      'css`a{--_on-surface:red;color:var(--_on-surface,var(--on-surface))}`;html`<p style="--_on-surface: ${x}">`';
    expect(trimTemplates(code)).toBe(
      'css`a{--_os:red;color:var(--_os,var(--on-surface))}`;html`<p style="--_os: ${x}">`',
    );
    expect(() => trimTemplates("css`a{--_our-size:1px}`")).toThrow("--_on-surface and --_our-size are both --_os");
  });

  it("takes from css what separates nothing, and comments", () => {
    const code =
      "css`\n  /* why; {x}\n */\n  :host,\n  .a .b:hover {\n    color: rgb(0 0 0 / 0.3);\n    --_x: var(--y, 1px);\n  }\n`";
    expect(trimTemplates(code)).toBe("css`:host,.a .b:hover{color:rgb(0 0 0 / .3);--_x:var(--y,1px)}`");
  });

  it("takes the spaces around signs, in queries and before what is important", () => {
    const code = "css`@media (a: b) and (c <= 2rem){.a > .b{top:0.5em !important}}`";
    expect(trimTemplates(code)).toBe("css`@media (a:b) and (c<=2rem){.a>.b{top:.5em!important}}`");
  });

  it("leaves the spaces of css that mean something", () => {
    const rule = "css`@media (a:b) and (c<2rem){.a :dir(rtl){width:calc(100% - 2px);inset:1px 2px}.a+.b{top:0}}`";
    expect(trimTemplates(rule)).toBe(rule);
  });

  it("leaves other templates and everything outside of them as it is", () => {
    const code = "const a = `x\n  y`;\n\nconst b =  other`x\n  y`;\n";
    expect(trimTemplates(code)).toBe(code);
  });
});
