import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'settings' });
  return (
    <div className="page">
      <h1 className="ti">settings</h1>
    </div>
  );
}
