/**
 * The styles that all elements share. Pages set the `--session-room-…` properties (listed at the class `SessionRoom`);
 * the elements follow the page's `color-scheme`, so they are dark where the page is.
 */
import { css } from "lit";

/** The page's colours or the defaults, under private names (`--_…`); set once, on `<session-room>`. */
export const palette = css`
  :host {
    --_accent: var(--session-room-accent, light-dark(#1d5bd0, #8db4ff));
    --_on-accent: var(--session-room-on-accent, light-dark(#fff, #0b1a33));
    --_surface: var(--session-room-surface, light-dark(#fff, #1a1d23));
    --_text: var(--session-room-text, light-dark(#1b1f27, #e9ebf0));
    --_muted: var(--session-room-muted, light-dark(#565d6b, #a6adbb));
    --_border: var(--session-room-border, light-dark(#dfe2e8, #343a45));
    --_danger: var(--session-room-danger, light-dark(#b3261e, #ff9d94));
    --_on-danger: var(--session-room-on-danger, light-dark(#fff, #3b0906));
    --_good: light-dark(#1a7f43, #63d793);
    --_notice: light-dark(#fff3d6, #453408);
    --_on-notice: light-dark(#5c3d00, #ffdf9e);
    --_radius: var(--session-room-radius, 10px);
    color: var(--_text);
    font: 16px/1.5 var(--session-room-font, system-ui, sans-serif);
  }
`;

export const base = css`
  * {
    box-sizing: border-box;
  }
  [hidden] {
    display: none !important;
  }
  h1,
  h2,
  p,
  ul {
    margin: 0;
    padding: 0;
  }
  h1:focus,
  h2:focus {
    outline: none;
  }
  svg {
    inline-size: 1.25em;
    block-size: 1.25em;
    flex: none;
    fill: none;
    stroke: currentColor;
    stroke-width: 2;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  :where(button, .button) {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 0.5em;
    min-block-size: 44px;
    min-inline-size: 44px;
    padding: 0 1.1em;
    font: inherit;
    font-weight: 600;
    color: inherit;
    text-decoration: none;
    cursor: pointer;
    background: none;
    border: 1px solid transparent;
    border-radius: var(--_radius);
  }
  .outlined {
    border-color: var(--_border);
  }
  .icon {
    padding: 0;
  }
  :where(button:hover) {
    background: color-mix(in srgb, currentColor 9%, transparent);
  }
  .primary {
    background: var(--_accent);
    color: var(--_on-accent);
  }
  .danger {
    background: var(--_danger);
    color: var(--_on-danger);
  }
  .primary:hover,
  .danger:hover {
    filter: brightness(0.93);
  }
  [aria-disabled="true"] {
    opacity: 0.65;
    cursor: default;
  }
  :focus-visible {
    outline: 3px solid var(--_accent);
    outline-offset: 2px;
  }
  .alert {
    color: var(--_danger);
    font-weight: 600;
  }
  .visually-hidden {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  [role="menuitem"] svg:dir(rtl),
  .left svg:dir(rtl) {
    scale: -1 1;
  }
  @keyframes spin {
    to {
      rotate: 1turn;
    }
  }
  @media (prefers-reduced-motion: no-preference) {
    .connecting svg,
    .reconnecting svg {
      animation: spin 1.1s linear infinite;
    }
  }
`;

/** A list or menu below the bar, at its end. The bar is the containing block. */
export const dropdown = css`
  :host {
    display: block;
  }
  .dropdown {
    position: absolute;
    inset-block-start: calc(100% + 4px);
    inset-inline-end: 8px;
    z-index: 1;
    min-inline-size: 12rem;
    max-inline-size: calc(100% - 16px);
    max-block-size: 70vh;
    overflow: auto;
    padding: 6px;
    background: var(--_surface);
    border: 1px solid var(--_border);
    border-radius: var(--_radius);
    box-shadow: 0 8px 28px #0000002e;
  }
`;
