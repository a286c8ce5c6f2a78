// The parts that stand on Mantine's Modal, Menu and Tooltip: a chunk of its own, loaded when the page has been painted (overlay.tsx).
import { Menu as MantineMenu, Modal, Tooltip } from '@mantine/core';
import '../styles/mantine-overlays.css';
import { messages } from '../i18n';
import { navigate } from '../lib/router';
import { Button } from './button';
import { Icon, type IconName } from './icons';
import type { DialogProps, MenuProps, TipProps } from './overlay';

const m = messages({ close: ['Close', '关闭'] });

export function Dialog({ open, onClose, title, children, foot, width = 480, bare }: DialogProps) {
  return (
    <Modal.Root lockScroll={false} opened={open} onClose={onClose} size={width} yOffset="10vh" xOffset={16} transitionProps={{ duration: 0 }} zIndex={300}>
      <Modal.Overlay style={{ background: 'var(--c-scrim)' }} />
      <Modal.Content className="dlg" aria-modal="true">
        {bare ? (
          <>
            <Modal.Title className="vh">{title}</Modal.Title>
            {children}
          </>
        ) : (
          <>
            <div className="dh">
              <Modal.Title component="h2">{title}</Modal.Title>
              <Button kind="quiet" small icon="cross" label={m('close')} onClick={onClose} />
            </div>
            <div className="db">{children}</div>
            {foot && <div className="df">{foot}</div>}
          </>
        )}
      </Modal.Content>
    </Modal.Root>
  );
}

export function Menu({ target, items, label, width, openAtOnce }: MenuProps & { openAtOnce: boolean }) {
  return (
    <MantineMenu defaultOpened={openAtOnce} position="bottom-start" offset={4} transitionProps={{ duration: 0 }} width={width} zIndex={250} withinPortal returnFocus>
      <MantineMenu.Target>{target as never}</MantineMenu.Target>
      <MantineMenu.Dropdown className="menu" aria-label={label}>
        {items.map((it, i) =>
          it === 'line' ? (
            <div key={i} className="ms" role="separator" />
          ) : (
            <MantineMenu.Item
              key={i}
              className="mi"
              aria-current={it.current ? 'true' : undefined}
              aria-disabled={it.notAllowed ? true : undefined}
              title={it.notAllowed ?? undefined}
              style={it.danger ? { color: 'var(--c-bad)' } : it.notAllowed ? { color: 'var(--c-text-3)' } : undefined}
              onClick={() => {
                if (it.notAllowed) return;
                if (it.to !== undefined) navigate(it.to);
                it.run?.();
              }}
            >
              {typeof it.icon === 'string' ? <Icon name={it.icon as IconName} small /> : it.icon}
              <span className="sp">{it.label}</span>
              {it.hint && <span className="t3 sm">{it.hint}</span>}
            </MantineMenu.Item>
          ),
        )}
      </MantineMenu.Dropdown>
    </MantineMenu>
  );
}


export function Tip({ text, children }: TipProps) {
  return (
    <Tooltip label={text} classNames={{ tooltip: 'tip' }} events={{ hover: true, focus: true, touch: true }} multiline position="bottom" offset={8} transitionProps={{ duration: 0 }}>
      {children as never}
    </Tooltip>
  );
}
