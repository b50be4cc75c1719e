/**
 * The style of the evidence page: light and dark, on paper, at any width; no colour says anything
 * that no word says.
 */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#fff;--line:#d0d7de;--tint:#f6f8fa;
--pass:#116329;--fail:#b3161f;--warn:#7d4e00;--none:#57606a}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--paper:#0d1117;--line:#3d444d;--tint:#161b22;
--pass:#56d364;--fail:#ff8b84;--warn:#e3b341;--none:#9aa4af}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:75rem;padding:1.5rem;background:var(--paper);color:var(--ink);
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
h1{font-size:1.75rem;line-height:1.25;margin:0 0 .5rem}h2{font-size:1.3rem;margin:2.5rem 0 .75rem}
h3{font-size:1.05rem;margin:0 0 .5rem;overflow-wrap:anywhere}
p{margin:.25rem 0 .75rem;max-width:70ch}.soft{color:var(--soft)}
a{color:inherit}a:focus-visible,[tabindex]:focus-visible{outline:3px solid currentColor;outline-offset:2px}
.skip{position:absolute;left:-999rem}.skip:focus{position:static}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;padding:0;margin:1rem 0;list-style:none}
.counts{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;padding:0;margin:1rem 0;list-style:none}
.counts li{border:1px solid var(--line);border-left:.4rem solid currentColor;border-radius:.4rem;padding:.6rem .8rem}
.counts b{display:block;font-size:1.6rem;line-height:1.2}.counts span{color:var(--ink)}
.pass{color:var(--pass)}.fail,.error{color:var(--fail)}.warn,.unconfirmed{color:var(--warn)}.none,.waiting{color:var(--none)}
.verdict{font-weight:700;white-space:nowrap}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:.4rem}
table{border-collapse:collapse;width:100%;min-width:56rem;font-size:.92rem}caption{text-align:left;padding:.6rem .8rem;color:var(--soft)}
th,td{text-align:left;vertical-align:top;padding:.5rem .8rem;border-top:1px solid var(--line)}thead th{background:var(--tint)}
code{font:.85em/1.4 ui-monospace,"Cascadia Mono","Liberation Mono",monospace;overflow-wrap:anywhere}
td{overflow-wrap:anywhere}td code,.long{display:inline-block;min-width:14rem}
pre{margin:.25rem 0 0;white-space:pre-wrap;overflow-wrap:anywhere;font:.85em/1.4 ui-monospace,"Liberation Mono",monospace}
article{border:1px solid var(--line);border-radius:.4rem;padding:1rem;margin:0 0 1rem;break-inside:avoid}
.chain{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.75rem;margin:0;padding:0;list-style:none}
.chain li{border-left:3px solid var(--line);padding-left:.75rem;overflow-wrap:anywhere}
.chain .wide{grid-column:1/-1}
.chain .step{display:block;font-size:.8rem;font-weight:600;color:var(--soft)}
@media print{:root{--ink:#000;--soft:#333;--paper:#fff;--line:#999;--tint:#fff;--pass:#000;--fail:#000;--warn:#000;--none:#000}
body{max-width:none;padding:0;font-size:9pt}nav,.skip{display:none}.scroll{overflow:visible;border:0}table,td code,.long{min-width:0}th,td{padding:.3rem .4rem}tbody th{min-width:6rem;overflow-wrap:break-word}
thead{display:table-header-group}tr{break-inside:avoid}h2{break-after:avoid}}
`;
