// The icons: 16 px grid, 1.5 px lines, drawn with the text's colour. Always beside a word or with a label on the control.
const paths = {
  projects: 'M2.5 3.5a1 1 0 011-1h2.4a1 1 0 011 1v2.4a1 1 0 01-1 1H3.5a1 1 0 01-1-1zM9.1 3.5a1 1 0 011-1h2.4a1 1 0 011 1v2.4a1 1 0 01-1 1h-2.4a1 1 0 01-1-1zM2.5 10.1a1 1 0 011-1h2.4a1 1 0 011 1v2.4a1 1 0 01-1 1H3.5a1 1 0 01-1-1zM9.1 10.1a1 1 0 011-1h2.4a1 1 0 011 1v2.4a1 1 0 01-1 1h-2.4a1 1 0 01-1-1z',
  inbox: 'M2.5 9.5l2-6h7l2 6v3h-11zM2.5 9.5h3.2c.2 1.2 1 1.8 2.3 1.8s2.1-.6 2.3-1.8h3.2',
  map: 'M5.2 8a1.7 1.7 0 11-3.4 0 1.7 1.7 0 013.4 0zM14.2 3.8a1.7 1.7 0 11-3.4 0 1.7 1.7 0 013.4 0zM14.2 12.2a1.7 1.7 0 11-3.4 0 1.7 1.7 0 013.4 0zM5.1 7.3L11 4.5M5.1 8.7L11 11.5',
  list: 'M5.5 4h8M5.5 8h8M5.5 12h8M2.6 4h.1M2.6 8h.1M2.6 12h.1',
  updown: 'M5 6.2l3-3 3 3M5 9.8l3 3 3-3',
  box: 'M8 1.9l5.5 3v6.2L8 14.1l-5.5-3V4.9zM2.7 5L8 8l5.3-3M8 8v6',
  release: 'M2.5 13.5h2.6M2.5 10.3h5.2M2.5 7.1h8M2.5 3.9h11',
  shield: 'M8 1.8l5 1.8v4c0 3.2-2 5.4-5 6.6-3-1.2-5-3.4-5-6.6v-4z',
  people: 'M8.4 5.4a2.4 2.4 0 11-4.8 0 2.4 2.4 0 014.8 0zM1.8 13c.3-2.4 2-3.8 4.2-3.8s3.9 1.4 4.2 3.8M10.5 3.2a2.3 2.3 0 010 4.3M12 9.6c1.3.6 2.1 1.8 2.3 3.4',
  key: 'M7.9 10.8a2.7 2.7 0 11-5.4 0 2.7 2.7 0 015.4 0zM7.2 8.8L13 3M10.8 5.2l2 2M9 7l1.3 1.3',
  help: 'M14 8A6 6 0 112 8a6 6 0 0112 0zM6.3 6.4c0-1 .8-1.7 1.8-1.7s1.7.7 1.7 1.5c0 1.3-1.8 1.3-1.8 2.6M8 11.2v.1',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  search: 'M11.3 7A4.3 4.3 0 112.7 7a4.3 4.3 0 018.6 0zM10.3 10.3L14 14',
  sun: 'M11 8a3 3 0 11-6 0 3 3 0 016 0zM8 1.3v1.4M8 13.3v1.4M1.3 8h1.4M13.3 8h1.4M3.3 3.3l1 1M11.7 11.7l1 1M12.7 3.3l-1 1M4.3 11.7l-1 1',
  moon: 'M13.2 9.6A5.6 5.6 0 016.4 2.8a5.6 5.6 0 106.8 6.8z',
  screen: 'M2.5 3.5h11v7.5h-11zM6 13.5h4M8 11v2.5',
  back: 'M6 3L2.5 6.5 6 10M2.5 6.5H10a3.5 3.5 0 010 7H6.5',
  retry: 'M13 8a5 5 0 11-1.6-3.7M13.2 2.5v2.8h-2.8',
  more: 'M3.5 8h.1M8 8h.1M12.5 8h.1',
  check: 'M3.5 8.5l3 3 6-7',
  cross: 'M4 4l8 8M12 4l-8 8',
  warn: 'M8 2.2l6.4 11.2H1.6zM8 6.4v3.2M8 11.6v.1',
  dot: 'M8 6.5v3',
  copy: 'M5.5 7A1.5 1.5 0 017 5.5h5A1.5 1.5 0 0113.5 7v5a1.5 1.5 0 01-1.5 1.5H7A1.5 1.5 0 015.5 12zM10.5 5.5V4A1.5 1.5 0 009 2.5H4A1.5 1.5 0 002.5 4v5A1.5 1.5 0 004 10.5h1.5',
  plus: 'M8 3.3v9.4M3.3 8h9.4',
  minus: 'M3.3 8h9.4',
  eye: 'M1.6 8S4 3.8 8 3.8 14.4 8 14.4 8 12 12.2 8 12.2 1.6 8 1.6 8zM9.9 8a1.9 1.9 0 11-3.8 0 1.9 1.9 0 013.8 0z',
  frozen: 'M8 2v12M2.8 5l10.4 6M13.2 5L2.8 11',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.5l7 4.5-7 4.5z',
  person: 'M10.6 5.4a2.6 2.6 0 11-5.2 0 2.6 2.6 0 015.2 0zM3 13.5c.4-2.6 2.3-4 5-4s4.6 1.4 5 4',
  up: 'M8 13V3.5M4 7.2l4-4 4 4',
  skip: 'M4 3.5L9.5 8 4 12.5zM12 3.5v9',
  down: 'M4 6l4 4 4-4',
  right: 'M6 4l4 4-4 4',
  grip: 'M6 4h.1M10 4h.1M6 8h.1M10 8h.1M6 12h.1M10 12h.1',
  download: 'M8 2.5V10M4.8 7.2L8 10.4l3.2-3.2M3 13.3h10',
  lock: 'M3.3 8.5A1.5 1.5 0 014.8 7h6.4a1.5 1.5 0 011.5 1.5V12a1.5 1.5 0 01-1.5 1.5H4.8A1.5 1.5 0 013.3 12zM5.3 7V5a2.7 2.7 0 015.4 0v2',
  settings: 'M2.5 5h5M11 5h2.5M10.8 5a1.8 1.8 0 11-3.6 0 1.8 1.8 0 013.6 0zM2.5 11H5M8.5 11h5M8.6 11A1.8 1.8 0 115 11a1.8 1.8 0 013.6 0z',
  stop: 'M4.5 4.5h7v7h-7z',
  trash: 'M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5',
  edit: 'M3 13l.6-2.6L10.8 3.200l2 2-7.200 7.200z',
  out: 'M6.500 3H3.500v10h3M9 5.200L11.800 8 9 10.800M6 8h5.500',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, small, className }: { name: IconName; small?: boolean; className?: string }) {
  if (name === 'dot')
    return (
      <svg className={`i${small ? ' s' : ''} ${className ?? ''}`} viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="2.5" fill="currentColor" stroke="none" />
      </svg>
    );
  const thick = name === 'more' || name === 'grip';
  return (
    <svg className={`i${small ? ' s' : ''} ${className ?? ''}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} strokeWidth={thick ? 2 : undefined} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      <g stroke="var(--v-stable)" strokeWidth="2.2" strokeLinecap="round">
        <path d="M4.5 2.5v15M10 2.5v4M10 13v4.500M15.500 2.500v15" />
      </g>
      <path d="M1.500 10h1M6.800 10h6.400M17.500 10h1" stroke="var(--c-accent)" strokeWidth="2.6" strokeLinecap="round" />
    </svg>
  );
}
