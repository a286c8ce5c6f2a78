import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'approvals' });
  return (
    <div className="page">
      <h1 className="ti">approvals</h1>
    </div>
  );
}
