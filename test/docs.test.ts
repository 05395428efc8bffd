/** What the documents show is what the engine does. UPDATE=1 writes the shown parts anew. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { flagManual } from '../src/cli/flags/flag-manual.js'
import { metricsManual } from '../src/cluster/metrics-manual.js'
import { functionManual } from '../src/expr/functions/manual.js'
import { traceQuery } from '../src/session/trace.js'

const TRACE = /<!-- trace: (.*) -->\n```\n([\s\S]*?)```\n<!-- end of trace -->/

test('the trace in ARCHITECTURE.md is what the engine does', async t => {
  const document = readFileSync('ARCHITECTURE.md', 'utf8')
  const [, sql, shown] = TRACE.exec(document) ?? []
  t.truthy(sql)
  const traced = await traceQuery(sql, ['example=test/data/example.csv'])
  if (process.env['UPDATE'] === '1') {
    writeFileSync(
      'ARCHITECTURE.md',
      document.replace(TRACE, () => `<!-- trace: ${sql} -->\n\`\`\`\n${traced}\`\`\`\n<!-- end of trace -->`),
    )
    t.pass()
  } else {
    t.is(shown, traced)
  }
})

const MANUALS = [
  { file: 'docs/generated/flags.md', what: 'the flags', manual: flagManual },
  { file: 'docs/generated/functions.md', what: 'the functions', manual: functionManual },
  { file: 'docs/generated/metrics.md', what: 'the metrics', manual: metricsManual },
]

for (const { file, what, manual } of MANUALS) {
  test(`${file} describes ${what} that there are`, t => {
    if (process.env['UPDATE'] === '1') {
      mkdirSync('docs/generated', { recursive: true })
      writeFileSync(file, manual())
    }
    t.is(readFileSync(file, 'utf8'), manual())
  })
}
