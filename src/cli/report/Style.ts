/** How the report looks. */
import { createHash } from "node:crypto"
import { Markup } from "./Markup.ts"

/** The colours by name, on light and on dark ground. Texts stand out from the ground by 4.5 to 1, shapes by 3 to 1. */
export const colours = {
  light: {
    ground: "#ffffff",
    raised: "#f5f6f8",
    text: "#1b1f24",
    muted: "#57606a",
    rule: "#d8dde3",
    good: "#1a7f4b",
    warn: "#8a5a00",
    bad: "#b42318",
    idle: "#57606a",
    a: "#2559b8",
    b: "#b05a10",
    applied: "#1a7f4b",
    accepted: "#2a7f9e",
    merged: "#6a5fb0",
    skipped: "#8a7f70",
    rejected: "#b42318",
    unknown: "#b26a00",
    unsent: "#7a8490"
  },
  dark: {
    ground: "#14171b",
    raised: "#1d2126",
    text: "#e7eaee",
    muted: "#a4adb8",
    rule: "#343b44",
    good: "#4cc38a",
    warn: "#e2a93b",
    bad: "#ff8278",
    idle: "#a4adb8",
    a: "#7aa8f7",
    b: "#f0a35e",
    applied: "#3fae7a",
    accepted: "#53b3d1",
    merged: "#a79df0",
    skipped: "#a89c8b",
    rejected: "#f0685d",
    unknown: "#e2a93b",
    unsent: "#828d9a"
  }
} as const

const variables = (set: { readonly [name: string]: string }): string =>
  Object.entries(set)
    .map(([name, value]) => `--${name}:${value}`)
    .join(";")

const classes = (names: ReadonlyArray<string>): string => names.map((name) => `.${name}{--c:var(--${name})}`).join("\n")

const wideFrom = 800

/** The style sheet. */
export const sheet = `
:root{color-scheme:light dark;${variables(colours.light)}}
@media screen and (prefers-color-scheme:dark){:root{${variables(colours.dark)}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:break-word}
main,footer{max-width:888px;margin:0 auto;padding:0 24px}
header{padding:48px 0 32px}
h1{margin:12px 0 0;font-size:32px;line-height:1.2;font-weight:650;letter-spacing:-.015em;text-wrap:balance}
h2{margin:0 0 4px;font-size:20px;line-height:1.3;font-weight:650;letter-spacing:-.005em}
h3{margin:0 0 4px;font-size:16px;font-weight:600}
p{margin:0;max-width:68ch}
section{padding:32px 0;border-top:1px solid var(--rule)}
.lead{margin-top:12px;font-size:18px}
.note{color:var(--muted);font-size:14px;max-width:88ch}
.after{margin-top:12px}
.badge{display:inline-flex;align-items:center;gap:8px;margin:0;color:var(--c);font-size:14px;font-weight:600}
.badge svg{width:18px;height:18px;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.about{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:4px 20px;margin:24px 0 0;font-size:14px}
.about dt{color:var(--muted)}
.about dd{margin:0}
.facts{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:24px;margin:0;padding:24px 0;border-top:1px solid var(--rule)}
.facts div{display:flex;flex-direction:column}
.facts dt{color:var(--muted);font-size:14px}
.facts dd{margin:0;font-size:24px;line-height:1.3;font-weight:600;letter-spacing:-.01em;font-variant-numeric:tabular-nums}
.facts .note{margin:0;font-size:14px;font-weight:400;letter-spacing:0}
.step{margin-top:20px}
pre,code{font-family:ui-monospace,SFMono-Regular,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace}
code{font-size:.92em}
pre{margin:8px 0 0;padding:12px 16px;background:var(--raised);border:1px solid var(--rule);border-radius:6px;font-size:14px;line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate}
pre span{display:inline-block;max-width:100%}
table{width:100%;margin-top:16px;border-collapse:collapse;font-size:15px;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--muted);font-size:14px;padding-bottom:8px}
th,td{padding:8px 0 8px 16px;text-align:right;vertical-align:baseline;border-bottom:1px solid var(--rule);font-weight:400}
th:first-child,td:first-child{padding-left:0;text-align:left}
thead th{color:var(--muted);font-size:14px;border-bottom-color:var(--muted);padding-top:0}
tfoot th,tfoot td{border-bottom:0;border-top:1px solid var(--muted);font-weight:600}
tbody tr:last-child>*{border-bottom:0}
.left{text-align:left}
td{white-space:nowrap}
tbody th{overflow-wrap:anywhere}
.offsets{white-space:normal}
.none>*{color:var(--muted)}
.means{display:block;color:var(--muted);font-size:14px}
.swatch{width:10px;height:10px;margin-right:10px;fill:var(--c)}
.outcomes .means{padding-left:20px}
.parts{display:block;width:100%;height:12px;margin-top:20px}
.parts rect{fill:var(--c)}
.chart{display:none;width:100%;height:auto;margin-top:16px;overflow:visible;font-size:13px;font-variant-numeric:tabular-nums}
.narrow{display:block;max-width:540px}
.chart text{fill:var(--muted)}
.chart .strong{fill:var(--text)}
.grid{stroke:var(--rule);fill:none}
.axis{stroke:var(--muted);fill:none}
.track{fill:var(--raised)}
.line{fill:none;stroke:var(--c);stroke-width:1.5;stroke-linejoin:round}
.area{fill:var(--c);fill-opacity:.16}
.dot{fill:var(--c)}
.legend{display:flex;flex-wrap:wrap;gap:4px 24px;margin:12px 0 0;padding:0;list-style:none;font-size:14px;color:var(--muted)}
.legend svg{width:20px;height:10px;margin-right:8px}
details{margin-top:12px;font-size:14px}
summary{color:var(--muted);cursor:pointer;width:max-content;max-width:100%}
summary:focus-visible{outline:2px solid var(--a);outline-offset:3px;border-radius:2px}
details table{font-size:14px;margin-top:8px}
details th,details td{padding-top:3px;padding-bottom:3px}
footer{padding-top:24px;padding-bottom:48px}
footer .note{border-top:1px solid var(--rule);padding-top:24px;max-width:none}
${classes(Object.keys(colours.light).slice(5))}
@media (min-width:${wideFrom}px),print{.wide{display:block}.narrow{display:none}}
@media (max-width:${wideFrom - 1}px){.facts{grid-template-columns:repeat(2,minmax(0,1fr))}}
@media screen and (max-width:559px){
main,footer{padding-left:16px;padding-right:16px}
header{padding:28px 0 24px}
h1{font-size:26px}
.lead{font-size:16px}
section{padding:24px 0}
.facts{gap:16px}
.facts dd{font-size:20px}
th,td{padding-left:10px}
}
@media print{
@page{margin:16mm}
body{font-size:11pt}
main,footer{max-width:none;padding-left:0;padding-right:0}
header{padding-top:0}
section{padding:20px 0}
.facts{grid-template-columns:repeat(4,minmax(0,1fr))}
.chart,.facts,pre,tr{break-inside:avoid}
h2,h3{break-after:avoid}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
details:not([open]){display:none}
}
`

/** The only style that the page lets through, as the source list of a content security policy names it. */
export const source = `'sha256-${createHash("sha256").update(sheet).digest("base64")}'`

/** The style sheet as it stands in the page: it is no text to be escaped. */
export const markup = new Markup(sheet)
