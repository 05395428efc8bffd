/** The programs in examples/ print what they are said to print, and end by themselves. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import test from 'ava'

const EXPECTED: Readonly<Record<string, string>> = {
  'dataframe.ts': `+---+-------+-------+----------+
| a | total | size  | how_many |
+---+-------+-------+----------+
| 1 |    12 | large | many     |
| 2 |    12 | large | many     |
| 3 |     3 | small | one      |
+---+-------+-------+----------+
WITH step_1 AS (
SELECT a, sum(b) AS total, count(*) AS rows FROM example
WHERE a <= b
GROUP BY a
), step_2 AS (
SELECT a, total, size, CASE WHEN rows > 1 THEN 'many' ELSE 'one' END AS how_many FROM step_1 AS t INNER JOIN "rows:1" AS s ON t.total BETWEEN s."from" AND s.to
)
SELECT * FROM step_2
ORDER BY total DESC, a
`,
  'from-rows.ts': `3 rows written
[
  { customer: 'ann', spent: '27.49' },
  { customer: 'bob', spent: '5.00' }
]
2 rows in an Arrow table of customer and spent
`,
  'parameters.ts': `[ { b: 3n }, { b: 4n }, { b: 5n } ]
[ { n: 3n } ]
[ { a: 1n, said: "it's" }, { a: 1n, said: "it's" } ]
COLUMN_NOT_FOUND column 'bee' not found { start: 7, end: 10 }
`,
  'seed.ts': `+---+----------------+
| a | min(example.b) |
+---+----------------+
| 1 |              2 |
| 2 |              5 |
| 3 |              3 |
+---+----------------+
`,
  'streams.ts': `[ { celsius: 24.5 }, { celsius: 24.5 }, { celsius: 24.5 } ] and the source has stopped
x,square
1,1
2,4
3,9

{"x":1,"square":1}
{"x":2,"square":4}
{"x":3,"square":9}

TIMEOUT
`,
}

async function output(program: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: code as number | null, stdout, stderr }
}

test('every example has its output here', t => {
  t.deepEqual(
    readdirSync('examples')
      .filter(name => name.endsWith('.ts'))
      .sort(),
    Object.keys(EXPECTED),
  )
})

for (const [name, expected] of Object.entries(EXPECTED)) {
  test.serial(name, async t => {
    const { code, stdout, stderr } = await output(`dist/examples/${name.replace(/ts$/, 'js')}`)
    t.is(stderr, '')
    t.is(stdout, expected)
    t.is(code, 0)
  })
}
