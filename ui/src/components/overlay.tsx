// What lies over the page: dialogs (only for decisions that stop work), menus, toasts, the live regions.
import { cloneElement, useEffect, useRef, useState, type ReactElement, type ReactNode } from 'react';
import { messages } from '../i18n';
import { dismiss, spoken, toasts, type Toast } from '../lib/toast';
import { create } from '../lib/store';
import { Button } from './button';
import { Icon, type IconName } from './icons';

const m = messages({ close: ['Close', '关闭'], messages: ['Messages', '消息'] });

export interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: ReactNode;
  children: ReactNode;
  foot?: ReactNode;
  width?: number;
  bare?: boolean; // no head, body, foot of its own
}
export interface MenuItem {
  label: ReactNode;
  icon?: IconName | ReactNode;
  hint?: ReactNode;
  to?: string;
  run?: () => void;
  current?: boolean;
  danger?: boolean;
  notAllowed?: string | null;
}
export interface MenuProps {
  target: ReactElement<{ onClick?: () => void }>; // the button that opens it
  items: (MenuItem | 'line')[];
  label: string;
  width?: number;
}

// The overlays come after the first paint; who clicks earlier waits for them.
const impl = create<typeof import('./overlay-impl') | null>(null);
let asked = false;
export function loadOverlays(): void {
  if (asked) return;
  asked = true;
  import('./overlay-impl').then(impl.set, () => {
    asked = false;
  });
}

export function Dialog(props: DialogProps) {
  const I = impl.use();
  if (props.open && !I) loadOverlays();
  return I ? <I.Dialog {...props} /> : null;
}

export interface TipProps {
  text: ReactNode;
  children: ReactElement;
}
// A hint on hover and focus.
export function Tip(props: TipProps) {
  const I = impl.use();
  return I ? <I.Tip {...props} /> : props.children;
}

export function Menu(props: MenuProps) {
  const I = impl.use();
  const [wanted, setWanted] = useState(false);
  if (I) return <I.Menu {...props} openAtOnce={wanted} />;
  return cloneElement(props.target, {
    onClick: () => {
      setWanted(true);
      loadOverlays();
    },
  });
}

const icons: Record<Toast['kind'], IconName> = { ok: 'check', warn: 'warn', bad: 'cross', back: 'back' };
function OneToast({ t }: { t: Toast }) {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const start = () => {
    clearTimeout(timer.current);
    if (t.kind !== 'bad') timer.current = setTimeout(() => dismiss(t.id), 6000);
  };
  const hold = () => clearTimeout(timer.current);
  useEffect(() => {
    start();
    return hold;
  }, []);
  return (
    <div className="toast" role={t.kind === 'bad' ? 'alert' : 'status'} onMouseEnter={hold} onMouseLeave={start} onFocus={hold} onBlur={start}>
      <span className={t.kind}>
        <Icon name={icons[t.kind]} small />
      </span>
      <div style={{ flex: 1, minWidth: 0 }}>
        <div className="m">{t.title}</div>
        {t.detail && <div className="t2 sm num">{t.detail}</div>}
      </div>
      {t.action && (
        <Button
          small
          keyHint={t.action.key}
          onClick={() => {
            dismiss(t.id);
            t.action?.run();
          }}
        >
          {t.action.label}
        </Button>
      )}
      <Button kind="quiet" small icon="cross" label={m('close')} onClick={() => dismiss(t.id)} />
    </div>
  );
}
export function Toasts() {
  const list = toasts.use();
  return (
    <div className="toasts" role="region" aria-label={m('messages')}>
      {list.map((t) => (
        <OneToast key={t.id} t={t} />
      ))}
    </div>
  );
}
export function LiveRegions() {
  const s = spoken.use();
  return (
    <div className="vh">
      <div aria-live="polite">{s.polite}</div>
      <div aria-live="assertive">{s.assertive}</div>
    </div>
  );
}
