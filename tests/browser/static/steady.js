/* What is random or of the moment becomes an example, so that a picture changes only when its page does. */
() => {
  const EXAMPLES = [
    [/\bimp(s?)_\d{12}\b/g, 'imp$1_448280090638'],
    [/\bdemo[a-z2-7]{24}\b/g, 'demoq7m2k4x6w3c5z7b2d4f6h3j5'],
    [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '0f8fad5b-d9cb-469f-a165-70867728950e'],
    [/\b562\d{11}\b/g, '56211900000000'],
    [/\b(Stdpay[A-Z_]{4}INIpayTest)\d{20}\b/g, '$120260806142000000000'],
    [/2100년 1월 1일 [^\n]*/g, '2026년 8월 6일 2:21 오후'],
    [/Jan\. 1, 2100, [^\n]*/g, 'Aug. 6, 2026, 2:21 p.m.'],
    [/\b(localhost|127\.0\.0\.1):\d+\b/g, 'namu.example'],
    [/\b(?!2026-08-0[69])20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\b/g, '2026-08-06 14:20:00'],
    [/\b(?!2026-08-0[69])20\d\d-\d\d-\d\d \d\d:\d\d\b/g, '2026-08-09 23:59'],
    [/(^|\s)\d\d-\d\d \d\d:\d\d:\d\d\b/g, '$108-06 14:20:00'],
    [/\b\d\d-\d\d \d\d:\d\d(?=\))/g, '08-09 23:59'],
  ];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const text = EXAMPLES.reduce((known, [pattern, example]) => known.replace(pattern, example), node.data);
    if (text !== node.data) node.data = text;
  }
}
