/** What the documents show is what the engine does. UPDATE=1 writes the shown parts anew. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { flagManual } from '../src/cli/flags/flag-manual.js'
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

test('docs/generated/functions.md describes the functions that there are', t => {
  if (process.env['UPDATE'] === '1') {
    mkdirSync('docs/generated', { recursive: true })
    writeFileSync('docs/generated/functions.md', functionManual())
  }
  t.is(readFileSync('docs/generated/functions.md', 'utf8'), functionManual())
})

test('docs/generated/flags.md describes the flags that there are', t => {
  if (process.env['UPDATE'] === '1') writeFileSync('docs/generated/flags.md', flagManual())
  t.is(readFileSync('docs/generated/flags.md', 'utf8'), flagManual())
})
