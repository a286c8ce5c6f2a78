// Sign in: name and password, or the one-time token that `weft up` prints in the address's fragment (never sent, never logged).
import { useEffect, useState, type FormEvent } from 'react';
import { ProblemNote } from '../components/bits';
import { Button } from '../components/button';
import { Field, PasswordInput, TextInput } from '../components/field';
import { Logo } from '../components/icons';
import { LanguageButton } from '../components/shell';
import { messages } from '../i18n';
import { useAction } from '../lib/query';
import { navigate, usePlace } from '../lib/router';
import { loadSession, session, signIn } from '../lib/session';

const m = messages({
  title: ['Sign in to Weft', '登录 Weft'],
  user: ['Name', '用户名'],
  password: ['Password', '密码'],
  signIn: ['Sign in', '登录'],
  lead: ['Releases of your services, watched and taken back by themselves when the new version is worse.', '管理服务的发布：自动观察，新版本变差时自动回滚。'],
  wrong: ['Name or password is wrong.', '用户名或密码不正确。'],
  slow: ['Too many tries. Wait {s} s, then try again.', '尝试次数过多。请等待 {s} 秒后再试。'],
  needUser: ['Write your name.', '请填写用户名。'],
  needPassword: ['Write your password.', '请填写密码。'],
  used: ['This address was used already, or it is too old. Ask for a new one with `weft up` or sign in below.', '该地址已被使用或已过期。请用 `weft up` 重新获取，或在下方登录。'],
  entering: ['Signing in', '正在登录'],
  forgot: ['No password yet? An operator makes one with', '还没有密码？运维员可以用以下命令创建'],
});

// Only addresses of this page: nothing that leads elsewhere.
export const safeNext = (next: string | null): string => (next && /^\/(?![/\\])/.test(next) && !next.startsWith('/signin') ? next : '/');

export default function SignIn() {
  const { query, hash } = usePlace();
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [tried, setTried] = useState(false);
  const [oneTimeFailed, setOneTimeFailed] = useState(false);
  const token = /^#token=([\w.~-]+)$/.exec(hash)?.[1] ?? null;
  const [entering, setEntering] = useState(true);
  const enter = () => navigate(safeNext(query.get('next')), { replace: true });
  useEffect(() => {
    document.title = `${m('title')} · Weft`;
    let over = false;
    void (async () => {
      if (token) {
        history.replaceState(null, '', location.pathname + location.search);
        try {
          await signIn({ oneTime: token });
        } catch {
          setOneTimeFailed(true);
        }
      }
      // Who is signed in already (or needs no sign-in) goes on.
      if (session.get().kind !== 'in') await loadSession();
      if (over) return;
      if (session.get().kind === 'in') enter();
      else setEntering(false);
    })();
    return () => {
      over = true;
    };
  }, []);
  const action = useAction(async () => {
    await signIn({ user: user.trim(), password });
    if (session.get().kind === 'in') enter();
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (user.trim() && password) void action.run();
  };
  const p = action.problem;
  return (
    <main className="signin">
      <form className="card" onSubmit={submit} noValidate aria-busy={entering}>
        <div className="row" style={{ justifyContent: 'space-between' }}>
          <span className="row b" style={{ fontSize: 15 }}>
            <Logo /> Weft
          </span>
          <LanguageButton />
        </div>
        <h1 className="ti">{m('title')}</h1>
        <p className="t2">{m('lead')}</p>
        {entering ? (
          <p className="t3" style={{ minHeight: 200 }}>
            {m('entering')}
          </p>
        ) : (
          <>
            {oneTimeFailed && <p className="note warn">{m('used')}</p>}
            <Field label={m('user')} error={tried && !user.trim() ? m('needUser') : null}>
              <TextInput value={user} onChange={setUser} autoFocus autoComplete="username" name="user" autoCapitalize="off" />
            </Field>
            <Field
              label={m('password')}
              error={tried && !password ? m('needPassword') : p?.status === 401 ? m('wrong') : p?.status === 429 ? m('slow', { s: Number(p.extra.retryAfter ?? 30) }) : null}
            >
              <PasswordInput value={password} onChange={setPassword} autoComplete="current-password" name="password" />
            </Field>
            <Button kind="primary" type="submit" busy={action.busy}>
              {m('signIn')}
            </Button>
            {p && p.status !== 401 && p.status !== 429 && <ProblemNote problem={p} />}
            <p className="t3 sm">
              {m('forgot')} <code className="mono">weft user add NAME</code>
            </p>
          </>
        )}
      </form>
    </main>
  );
}
