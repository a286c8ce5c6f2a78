import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'config' });
  return (
    <div className="page">
      <h1 className="ti">config</h1>
    </div>
  );
}
